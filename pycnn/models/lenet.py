"""LeNet-5 (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning", 1998)."""

from collections.abc import Sequence

from pycnn import layers
from pycnn.layers import Input
from pycnn.models._weights import PathLike, with_weights
from pycnn.sequential import Sequential


def lenet5(
    input_shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    *,
    classic: bool = False,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """6 and 16 kernels of 5x5 with pooling, then 120, 84 and `classes` neurons: 61,706 weights.

    Args:
        input_shape: (28, 28, 1), padded by 2 on the way in, or (32, 32, 1), used as it is; or
            with another number of channels.
        classes: 10 for digits, 26 for letters.
        classic: tanh and average pooling that learns, as in 1998: each map's mean is scaled by a
            weight and shifted by a bias before its tanh. Otherwise ReLU and max pooling.
        weights: a file of `Model.save_weights`.
        device: as for `pycnn.Sequential`.

    Raises:
        ValueError: images of another size.
    """
    size = tuple(input_shape[:2])
    if size not in ((28, 28), (32, 32)):
        raise ValueError(
            f"lenet5 takes images of 28 x 28 or 32 x 32; received input_shape {tuple(input_shape)}"
        )
    padding = "same" if size == (28, 28) else "valid"
    net: list[layers.Layer | Input] = [Input(input_shape), layers.Rescaling(1 / 255)]
    if classic:
        net += [
            layers.Conv2D(6, 5, padding=padding, activation="tanh"),
            *_learning_pool(),
            layers.Conv2D(16, 5, activation="tanh"),
            *_learning_pool(),
        ]
    else:
        net += [
            layers.Conv2D(6, 5, padding=padding, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
        ]
    activation = "tanh" if classic else "relu"
    net += [
        layers.Flatten(),
        layers.Dense(120, activation=activation),
        layers.Dense(84, activation=activation),
        layers.Dense(classes, activation="softmax"),
    ]
    return with_weights(
        Sequential(net, name="lenet5_1998" if classic else "lenet5", device=device), weights
    )


def _learning_pool() -> list[layers.Layer]:
    """The mean of 2x2, then a weight and a bias for each map: a depthwise 1x1 convolution."""
    return [
        layers.AveragePooling2D(2),
        layers.DepthwiseConv2D(1, depthwise_initializer="ones", activation="tanh"),
    ]
