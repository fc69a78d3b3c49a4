"""The first networks of the lectures: from the linear classifier to a CNN for MNIST."""

from collections.abc import Sequence

from pycnn import layers
from pycnn.layers import Input
from pycnn.models._weights import PathLike, with_weights
from pycnn.sequential import Sequential


def linear_classifier(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """Scores W x + b of stretched pixels: 3072 numbers to 10 scores.

    The output is scores (logits): train it with a loss that has ``from_logits=True``.
    """
    net = [Input(input_shape), layers.Flatten(), layers.Dense(classes, name="scores")]
    return with_weights(Sequential(net, name="linear_classifier", device=device), weights)


def two_layer_classifier(
    input_shape: Sequence[int] = (32, 32, 3),
    hidden: int = 100,
    classes: int = 10,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """Scores W2 max(0, W1 x): one hidden layer of templates. The output is scores (logits)."""
    net = [
        Input(input_shape),
        layers.Flatten(),
        layers.Dense(hidden, activation="relu", name="templates"),
        layers.Dense(classes, name="scores"),
    ]
    return with_weights(Sequential(net, name="two_layer_classifier", device=device), weights)


def softmax_mnist(
    *, scaled: bool = True, weights: PathLike | None = None, device: str | None = None
) -> Sequential:
    """One softmax layer on 28x28 pixels: 7,850 weights.

    Args:
        scaled: divide pixels by 255 first; the lecture's code takes them as they come.
        weights: a file of `Model.save_weights`.
        device: as for `pycnn.Sequential`.
    """
    net: list[layers.Layer | Input] = [Input((28, 28))]
    if scaled:
        net.append(layers.Rescaling(1 / 255))
    net += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return with_weights(Sequential(net, name="softmax_mnist", device=device), weights)


def mlp_mnist(
    hidden: int = 128,
    dropout: float = 0.2,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """The lecture's deeper network: He-initialised ReLU layer, dropout, softmax."""
    net = [
        Input((28, 28)),
        layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.Dense(hidden, kernel_initializer="he_normal", activation="relu"),
        layers.Dropout(dropout),
        layers.Dense(10, activation="softmax"),
    ]
    return with_weights(Sequential(net, name="mlp_mnist", device=device), weights)


def x_and_o(*, weights: PathLike | None = None, device: str | None = None) -> Sequential:
    """Tells an X from an O on 9x9 pictures: three 3x3 kernels, stacked, then a vote."""
    net = [
        Input((9, 9, 1)),
        layers.Conv2D(3, 3, activation="relu", name="figures"),
        layers.MaxPooling2D(2, padding="same"),
        layers.Conv2D(3, 3, padding="same", activation="relu", name="figures_of_figures"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(2, activation="softmax", name="vote"),
    ]
    return with_weights(Sequential(net, name="x_and_o", device=device), weights)


def cnn_mnist(*, weights: PathLike | None = None, device: str | None = None) -> Sequential:
    """The lecture's CNN for MNIST: 32 and 64 kernels of 5x5, then 1024 and 10 neurons."""
    net = [
        Input((28, 28, 1)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(32, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(2, strides=2),
        layers.Conv2D(64, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(2, strides=2),
        layers.Flatten(),
        layers.Dense(1024, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return with_weights(Sequential(net, name="cnn_mnist", device=device), weights)
