"""Part of `pycnn.ops`: random changes of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from pycnn import _core
from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    Size,
    as_flag,
    as_float32,
    as_number,
    as_numpy,
    as_pair,
    build,
)


def augment(
    x: npt.ArrayLike,
    shift: Size = 0,
    padding: Size = 0,
    crop: Size | None = None,
    horizontal_flip: bool = False,
    rotation: float = 0.0,
    scale: Sequence[float] = (1.0, 1.0),
    brightness: float = 0.0,
    fill: float = 0.0,
    seed: int = 0,
) -> Array:
    """Pictures moved, turned, scaled, mirrored and brightened at random, as in a first step.

    With the centre m of the picture, pixel p = (row, column) of the result shows the picture at
    m + F R (p + window - padding - shift - m) / scale, R a rotation, F a change of the column's
    sign where the picture is mirrored; blended bilinearly, `fill` outside; then brightness is
    added. Image i goes by the eight words of Philox4x32-10 with key `seed` and counters
    (2 i, stream) and (2 i + 1, stream), stream 2^61 + 2^40 * node + step with node and step 0 here,
    in this order: mirror (first bit), angle, scale, shift down, shift right, the window's row and
    column, brightness; each evenly within its range.

    Args:
        x: (batch, height, width, channels).
        shift: at most so many whole pixels either way, a number or (vertical, horizontal).
        padding: of `fill` around the picture that crop is cut from, likewise.
        crop: size of a random window, a number or (height, width); None is the whole picture.
        horizontal_flip: whether every other picture is mirrored, left to right.
        rotation: at most so many degrees either way.
        scale: (low, high) factors of the size.
        brightness: at most so much more or less.
        fill: value outside the picture.
        seed: of what is drawn, at least 0.

    Returns:
        pictures in the size of crop, or of x.

    Raises:
        ValueError: an option is out of its range, x is not of rank 4, the batch is empty, or some
            draw could leave nothing of a picture.
    """
    array = as_float32(x)
    layer = _augment_layer(shift, padding, crop, horizontal_flip, rotation, scale, brightness, fill)
    network = build("Augmentation", array, layer, [], seed)
    return as_numpy(network.predict([_core.Tensor(array)], len(array), training=True)[0])


def augment_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    shift: Size = 0,
    padding: Size = 0,
    crop: Size | None = None,
    horizontal_flip: bool = False,
    rotation: float = 0.0,
    scale: Sequence[float] = (1.0, 1.0),
    brightness: float = 0.0,
    fill: float = 0.0,
    seed: int = 0,
) -> Array:
    """Gradient of `augment` by x: each dy goes to the pixels that it shows, with their weights.

    Only the shape of x matters.
    """
    array = as_float32(x)
    layer = _augment_layer(shift, padding, crop, horizontal_flip, rotation, scale, brightness, fill)
    network = build("Augmentation", array, layer, [], seed)
    upstream = _core.Tensor(as_float32(dy, "dy"))
    return as_numpy(network.backward([_core.Tensor(array)], [upstream], training=True)[0][0])


def _augment_layer(
    shift: Size,
    padding: Size,
    crop: Size | None,
    horizontal_flip: bool,
    rotation: float,
    scale: Sequence[float],
    brightness: float,
    fill: float,
) -> AddLayer:
    op = "Augmentation"
    try:
        low, high = (as_number(factor, op, "scale") for factor in scale)
    except (TypeError, ValueError):
        raise ValueError(
            f"[{op}] scale must be a pair of numbers, (low, high); got {scale!r}"
        ) from None
    return lambda graph, value: graph.augment(
        value,
        shift=as_pair(shift, op, "shift"),
        padding=as_pair(padding, op, "padding"),
        crop=None if crop is None else as_pair(crop, op, "crop"),
        horizontal_flip=as_flag(horizontal_flip, op, "horizontal_flip"),
        rotation=as_number(rotation, op, "rotation"),
        scale=(low, high),
        brightness=as_number(brightness, op, "brightness"),
        fill=as_number(fill, op, "fill"),
    )
