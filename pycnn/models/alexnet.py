"""AlexNet (Krizhevsky, Sutskever and Hinton 2012), in the one-tower form of 2014."""

from collections.abc import Sequence

from pycnn import layers
from pycnn.layers import Input
from pycnn.models._weights import PathLike, with_weights
from pycnn.sequential import Sequential


def alexnet(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    dropout: float = 0.5,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Sequential:
    """Five convolutions, overlapping pooling, two dense layers with dropout: 61,100,840 weights.

    The one-tower form ("One weird trick", 2014) has 64-192-384-256-256 kernels and no response
    normalization. Small inputs are legal from 63x63 on; the first dense layer shrinks with them.
    """
    net = [
        Input(input_shape),
        layers.Conv2D(64, 11, strides=4, padding=2, activation="relu"),
        layers.MaxPooling2D(3, strides=2),
        layers.Conv2D(192, 5, padding=2, activation="relu"),
        layers.MaxPooling2D(3, strides=2),
        layers.Conv2D(384, 3, padding=1, activation="relu"),
        layers.Conv2D(256, 3, padding=1, activation="relu"),
        layers.Conv2D(256, 3, padding=1, activation="relu"),
        layers.MaxPooling2D(3, strides=2),
        layers.Flatten(),
        layers.Dropout(dropout),
        layers.Dense(4096, activation="relu"),
        layers.Dropout(dropout),
        layers.Dense(4096, activation="relu"),
        layers.Dense(classes, activation="softmax"),
    ]
    return with_weights(Sequential(net, name="alexnet", device=device), weights)
