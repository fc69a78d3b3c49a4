"""GoogLeNet (Szegedy et al., "Going deeper with convolutions", 2014): inception modules."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pycnn import layers
from pycnn.layers import Input
from pycnn.model import Model
from pycnn.models._weights import PathLike, with_weights


class _Widths(NamedTuple):
    """Kernels of one module; a reduction of 0 leaves the 1x1 convolution in front out."""

    one: int
    three_reduced: int
    three: int
    five_reduced: int
    five: int
    pooled: int  # 1x1 kernels after the pooling; 0 leaves them out


# The paper's table 1.
_MODULES = {
    "3a": _Widths(64, 96, 128, 16, 32, 32),
    "3b": _Widths(128, 128, 192, 32, 96, 64),
    "4a": _Widths(192, 96, 208, 16, 48, 64),
    "4b": _Widths(160, 112, 224, 24, 64, 64),
    "4c": _Widths(128, 128, 256, 24, 64, 64),
    "4d": _Widths(112, 144, 288, 32, 64, 64),
    "4e": _Widths(256, 160, 320, 32, 128, 128),
    "5a": _Widths(256, 160, 320, 32, 128, 128),
    "5b": _Widths(384, 192, 384, 48, 128, 128),
}
_POOL_AFTER = {"3b", "4e"}
_AUXILIARY_AFTER = {"4a": "auxiliary_1", "4d": "auxiliary_2"}


def _conv(x: Any, filters: int, size: int, name: str, strides: int = 1) -> Any:
    return layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",  # without it 22 layers of ReLU hardly start to learn
        name=name,
    )(x)


def _inception(x: Any, widths: _Widths, name: str) -> Any:
    """1x1, 3x3, 5x5 and pooled branches, concatenated."""
    three = five = x
    if widths.three_reduced:
        three = _conv(x, widths.three_reduced, 1, f"{name}_3x3_reduce")
    if widths.five_reduced:
        five = _conv(x, widths.five_reduced, 1, f"{name}_5x5_reduce")
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    if widths.pooled:
        pooled = _conv(pooled, widths.pooled, 1, f"{name}_pool_1x1")
    branches = [
        _conv(x, widths.one, 1, f"{name}_1x1"),
        _conv(three, widths.three, 3, f"{name}_3x3"),
        _conv(five, widths.five, 5, f"{name}_5x5"),
        pooled,
    ]
    return layers.Concatenate(name=name)(branches)


def inception_module(
    input_shape: Sequence[int] = (28, 28, 256),
    *,
    reduced: bool = True,
    device: str | None = None,
) -> Model:
    """The lecture's module alone: 128 1x1, 192 3x3, 96 5x5 kernels and a pooled branch.

    Args:
        input_shape: of its input.
        reduced: with 1x1 convolutions to 64 channels before the large kernels and after the
            pooling (271M multiplications at 28x28x256; the lecture prints 358M, its sum has the
            3x3 convolution twice); without them it is the naive form (854M).
        device: as for `pycnn.Model`.
    """
    widths = _Widths(128, 64, 192, 64, 96, 64) if reduced else _Widths(128, 0, 192, 0, 96, 0)
    x = Input(input_shape)
    name = "inception_reduced" if reduced else "inception_naive"
    return Model(x, _inception(x, widths, "inception"), name=name, device=device)


def _auxiliary(x: Any, classes: int, name: str) -> Any:
    """A classifier on the way, so that early modules see a gradient of their own."""
    y = layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(x)
    y = _conv(y, 128, 1, f"{name}_conv")
    y = layers.Flatten(name=f"{name}_flatten")(y)
    y = layers.Dense(1024, activation="relu", name=f"{name}_fc")(y)
    y = layers.Dropout(0.7, name=f"{name}_dropout")(y)
    return layers.Dense(classes, activation="softmax", name=name)(y)


def googlenet(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    auxiliary: bool = False,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """22 layers with 9 inception modules: 6,998,552 weights without the auxiliary classifiers.

    Args:
        input_shape: height and width of 224 give the paper's table of sizes.
        classes: of the softmax.
        auxiliary: with the two auxiliary outputs after modules 4a and 4d, for training: three
            outputs, to be weighted 1, 0.3 and 0.3. Their pooling needs 14x14 maps there or more
            than 4x4.
        weights: a file of `Model.save_weights`.
        device: as for `pycnn.Model`.
    """
    image = Input(input_shape)
    x = _conv(image, 64, 7, "conv1", strides=2)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)
    x = layers.LocalResponseNormalization(k=1.0, n=5, alpha=2e-5, beta=0.75, name="norm1")(x)
    x = _conv(x, 64, 1, "conv2_reduce")
    x = _conv(x, 192, 3, "conv2")
    x = layers.LocalResponseNormalization(k=1.0, n=5, alpha=2e-5, beta=0.75, name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool2")(x)
    extra = []
    for name, widths in _MODULES.items():
        x = _inception(x, widths, f"inception_{name}")
        if auxiliary and name in _AUXILIARY_AFTER:
            extra.append(_auxiliary(x, classes, _AUXILIARY_AFTER[name]))
        if name in _POOL_AFTER:
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"pool{name[0]}")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    main = layers.Dense(classes, activation="softmax", name="predictions")(x)
    outputs = [main, *extra] if auxiliary else main
    return with_weights(Model(image, outputs, name="googlenet", device=device), weights)
