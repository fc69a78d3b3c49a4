"""VGG (Simonyan and Zisserman 2014): only 3x3 kernels, and more of them."""

from collections.abc import Sequence

from pycnn import layers
from pycnn.layers import Input
from pycnn.model import Model
from pycnn.models._weights import PathLike, with_weights
from pycnn.sequential import Sequential

_KERNELS = (64, 128, 256, 512, 512)  # of the five blocks, each followed by pooling


def _vgg(
    depth: int,
    convolutions: Sequence[int],
    input_shape: Sequence[int],
    classes: int,
    weights: PathLike | None,
    device: str | None,
) -> Sequential:
    net: list[layers.Layer | Input] = [Input(input_shape)]
    for block, (kernels, count) in enumerate(zip(_KERNELS, convolutions, strict=True), 1):
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            net.append(
                layers.Conv2D(
                    kernels,
                    3,
                    padding="same",
                    activation="relu",
                    kernel_initializer="he_normal",
                    name=name,
                )
            )
        net.append(layers.MaxPooling2D(2, name=f"block{block}_pool"))
    net += [
        layers.Flatten(),
        layers.Dense(4096, activation="relu", kernel_initializer="he_normal", name="fc1"),
        layers.Dropout(0.5),
        layers.Dense(4096, activation="relu", kernel_initializer="he_normal", name="fc2"),
        layers.Dropout(0.5),
        layers.Dense(classes, activation="softmax", name="predictions"),
    ]
    return with_weights(Sequential(net, name=f"vgg{depth}", device=device), weights)


def vgg11(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """VGG with 8 convolutions (configuration A): 132,863,336 weights."""
    return _vgg(11, (1, 1, 2, 2, 2), input_shape, classes, weights, device)


def vgg13(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """VGG with 10 convolutions (configuration B): 133,047,848 weights."""
    return _vgg(13, (2, 2, 2, 2, 2), input_shape, classes, weights, device)


def vgg16(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """VGG with 13 convolutions (configuration D): 138,357,544 weights."""
    return _vgg(16, (2, 2, 3, 3, 3), input_shape, classes, weights, device)


def vgg19(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """VGG with 16 convolutions (configuration E): 143,667,240 weights."""
    return _vgg(19, (2, 2, 4, 4, 4), input_shape, classes, weights, device)


def start_from(deep: Sequential, shallow: Sequential) -> list[str]:
    """Training in stages: a trained shallower net's weights start a deeper one.

    Layers of the same name and shapes are copied (the paper does so with the first four
    convolutions and the dense layers); the others keep their initial weights.

    Returns:
        the names of the layers that were copied, in order.

    Raises:
        TypeError: not two models.
    """
    for net in (deep, shallow):
        if not isinstance(net, Model):
            raise TypeError(f"start_from takes two models; received {net!r}")
    trained = {layer.name: layer for layer in shallow.layers if layer.get_weights()}
    copied = []
    for layer in deep.layers:
        source = trained.get(layer.name)
        if source is None:
            continue
        weights = source.get_weights()
        if [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)
            copied.append(layer.name)
    return copied
