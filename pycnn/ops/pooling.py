"""Part of `pycnn.ops`: pooling, by windows and over the whole image."""

from __future__ import annotations

import numpy.typing as npt

from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    Padding,
    Size,
    as_flag,
    as_float32,
    as_padding,
    as_pair,
    backward,
    forward,
)


def max_pool2d(
    x: npt.ArrayLike, pool_size: Size = 2, strides: Size | None = None, padding: Padding = "valid"
) -> Array:
    """The largest value of each window, channel by channel.

    Args:
        x: (batch, height, width, channels).
        pool_size: height and width of the window, or one number for both.
        strides: steps of the window; None: the window's size.
        padding: "valid", "same" or ((top, bottom), (left, right)), each less than the window;
            padding is -infinity, it never wins.

    Returns:
        (batch, out height, out width, channels), each size floor((N - F + P) / S) + 1.

    Raises:
        ValueError: the window does not fit, x is not of rank 4, a size is not positive.
    """
    images = as_float32(x)
    return forward("MaxPooling2D", images, _max_pool_layer(pool_size, strides, padding))


def max_pool2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    pool_size: Size = 2,
    strides: Size | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of `max_pool2d` by x: each dy goes to the maximum of its window alone.

    Of equal maxima the first in row-major order takes it; windows that overlap add up.
    """
    add = _max_pool_layer(pool_size, strides, padding)
    return backward("MaxPooling2D", dy, as_float32(x), add)[0]


def avg_pool2d(
    x: npt.ArrayLike, pool_size: Size = 2, strides: Size | None = None, padding: Padding = "valid"
) -> Array:
    """The mean of each window, channel by channel; padding is not counted, as in Keras.

    Arguments, shapes and errors as for `max_pool2d`.
    """
    return forward("AveragePooling2D", as_float32(x), _avg_pool_layer(pool_size, strides, padding))


def avg_pool2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    pool_size: Size = 2,
    strides: Size | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of `avg_pool2d` by x: each dy in equal shares to its window's pixels.

    Only the shape of x matters.
    """
    add = _avg_pool_layer(pool_size, strides, padding)
    return backward("AveragePooling2D", dy, as_float32(x), add)[0]


def global_avg_pool2d(x: npt.ArrayLike, keepdims: bool = False) -> Array:
    """The mean of each channel over all of height and width.

    Args:
        x: (batch, height, width, channels).
        keepdims: whether the result is (batch, 1, 1, channels).

    Returns:
        (batch, channels).

    Raises:
        ValueError: x is not of rank 4, the batch is empty.
    """
    return forward("GlobalAveragePooling2D", as_float32(x), _global_avg_pool_layer(keepdims))


def global_avg_pool2d_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, keepdims: bool = False
) -> Array:
    """Gradient of `global_avg_pool2d` by x: dy in equal shares. Only the shape of x matters."""
    add = _global_avg_pool_layer(keepdims)
    return backward("GlobalAveragePooling2D", dy, as_float32(x), add)[0]


def global_max_pool2d(x: npt.ArrayLike, keepdims: bool = False) -> Array:
    """The largest value of each channel over all of height and width.

    Arguments, shapes and errors as for `global_avg_pool2d`.
    """
    return forward("GlobalMaxPooling2D", as_float32(x), _global_max_pool_layer(keepdims))


def global_max_pool2d_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, keepdims: bool = False
) -> Array:
    """Gradient of `global_max_pool2d` by x: dy at the first maximum in row-major order, else 0."""
    add = _global_max_pool_layer(keepdims)
    return backward("GlobalMaxPooling2D", dy, as_float32(x), add)[0]


def _max_pool_layer(pool_size: Size, strides: Size | None, padding: Padding) -> AddLayer:
    pool = as_pair(pool_size, "MaxPooling2D", "pool_size")
    steps = pool if strides is None else as_pair(strides, "MaxPooling2D", "strides")
    pads = as_padding(padding, "MaxPooling2D")
    return lambda graph, value: graph.max_pool2d(value, pool_size=pool, strides=steps, padding=pads)


def _avg_pool_layer(pool_size: Size, strides: Size | None, padding: Padding) -> AddLayer:
    pool = as_pair(pool_size, "AveragePooling2D", "pool_size")
    steps = pool if strides is None else as_pair(strides, "AveragePooling2D", "strides")
    pads = as_padding(padding, "AveragePooling2D")
    return lambda graph, value: graph.avg_pool2d(value, pool_size=pool, strides=steps, padding=pads)


def _global_avg_pool_layer(keepdims: bool) -> AddLayer:
    keep = as_flag(keepdims, "GlobalAveragePooling2D", "keepdims")
    return lambda graph, value: graph.global_avg_pool2d(value, keepdims=keep)


def _global_max_pool_layer(keepdims: bool) -> AddLayer:
    keep = as_flag(keepdims, "GlobalMaxPooling2D", "keepdims")
    return lambda graph, value: graph.global_max_pool2d(value, keepdims=keep)
