"""Part of `pycnn.ops`: pooling over the whole image."""

from __future__ import annotations

import numpy.typing as npt

from pycnn._single_layer import AddLayer, Array, as_float32, backward, forward


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


def _global_avg_pool_layer(keepdims: bool) -> AddLayer:
    return lambda graph, value: graph.global_avg_pool2d(value, keepdims=keepdims)


def _global_max_pool_layer(keepdims: bool) -> AddLayer:
    return lambda graph, value: graph.global_max_pool2d(value, keepdims=keepdims)
