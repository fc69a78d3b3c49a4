"""Part of `pycnn.ops`: zeros around an image, other shapes, other orders of the axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    as_float32,
    as_integers,
    as_sides,
    backward,
    forward,
)

Sides = int | Sequence[int] | Sequence[Sequence[int]]


def zero_pad2d(x: npt.ArrayLike, padding: Sides = 1) -> Array:
    """Rows and columns of zeros around each image.

    Args:
        x: (batch, height, width, channels).
        padding: one number for all sides, (vertical, horizontal), or
            ((top, bottom), (left, right)), in pixels.

    Returns:
        (batch, top + height + bottom, left + width + right, channels).

    Raises:
        ValueError: a negative number, x is not of rank 4, the batch is empty.
    """
    return forward("ZeroPadding2D", as_float32(x), _zero_pad_layer(padding))


def zero_pad2d_backward(dy: npt.ArrayLike, x: npt.ArrayLike, padding: Sides = 1) -> Array:
    """Gradient of `zero_pad2d` by x: dy without the border. Only the shape of x matters."""
    return backward("ZeroPadding2D", dy, as_float32(x), _zero_pad_layer(padding))[0]


def reshape(x: npt.ArrayLike, shape: Sequence[int]) -> Array:
    """(batch, ...) -> (batch, *shape), in row-major order.

    Args:
        x: images of any shape.
        shape: without the batch; one number may be -1: what is left over.

    Raises:
        ValueError: the shape has another number of elements, several -1, or a 0.
    """
    return forward("Reshape", as_float32(x), _reshape_layer(shape))


def reshape_backward(dy: npt.ArrayLike, x: npt.ArrayLike, shape: Sequence[int]) -> Array:
    """Gradient of `reshape` by x: dy in the shape of x."""
    return backward("Reshape", dy, as_float32(x), _reshape_layer(shape))[0]


def permute(x: npt.ArrayLike, dims: Sequence[int]) -> Array:
    """The axes in another order: axis i of the result (from 1; 0 is the batch) is dims[i - 1] of x.

    Args:
        x: (batch, ...), at most eight axes behind the batch.
        dims: the numbers from 1 on, each once, as in Keras: (2, 1, 3) swaps height and width.

    Raises:
        ValueError: dims are not the numbers of x's axes.
    """
    return forward("Permute", as_float32(x), _permute_layer(dims))


def permute_backward(dy: npt.ArrayLike, x: npt.ArrayLike, dims: Sequence[int]) -> Array:
    """Gradient of `permute` by x: dy with its axes put back."""
    return backward("Permute", dy, as_float32(x), _permute_layer(dims))[0]


def _zero_pad_layer(padding: Sides) -> AddLayer:
    sides = as_sides(padding, "ZeroPadding2D")
    return lambda graph, value: graph.zero_pad2d(value, padding=sides)


def _reshape_layer(shape: Sequence[int]) -> AddLayer:
    target = as_integers(shape, "Reshape", "shape")
    return lambda graph, value: graph.reshape(value, shape=target)


def _permute_layer(dims: Sequence[int]) -> AddLayer:
    order = as_integers(dims, "Permute", "dims")
    return lambda graph, value: graph.permute(value, dims=order)
