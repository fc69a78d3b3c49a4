"""Part of `pycnn.ops`: ops that make one value of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from pycnn._core import Graph
from pycnn.ops._single_layer import (
    Array,
    MergeLayers,
    as_float32,
    as_int,
    backward_of_many,
    forward_of_many,
)


def add(a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """The sum a + b, element by element, for two arrays of one shape (batch, ...).

    Raises:
        ValueError: the shapes differ, the batch is empty.
    """
    return forward_of_many("Add", [as_float32(a, "a"), as_float32(b, "b")], _add_layer)


def add_backward(dy: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[Array, Array]:
    """Gradients of `add` by a and b: dy, twice."""
    da, db = backward_of_many("Add", dy, [as_float32(a, "a"), as_float32(b, "b")], _add_layer)
    return da, db


def concatenate(xs: Sequence[npt.ArrayLike], axis: int = -1) -> Array:
    """Two or more arrays (batch, ...) one after another along an axis.

    Args:
        xs: arrays that differ in that axis alone.
        axis: counted with the batch, as in `numpy.concatenate`: -1 is the channels. Axis 0 cannot
            be; of more than four dimensions only 1 and the last two can.

    Raises:
        ValueError: shapes or axis do not fit, fewer than two arrays, an empty batch.
    """
    arrays = [as_float32(x) for x in xs]
    return forward_of_many("Concatenate", arrays, _concatenate_layer(arrays, axis))


def concatenate_backward(
    dy: npt.ArrayLike, xs: Sequence[npt.ArrayLike], axis: int = -1
) -> tuple[Array, ...]:
    """Gradients of `concatenate` by each of xs: its part of dy."""
    arrays = [as_float32(x) for x in xs]
    return backward_of_many("Concatenate", dy, arrays, _concatenate_layer(arrays, axis))


def _add_layer(graph: Graph, values: Sequence[int]) -> int:
    return graph.add(values)


def _concatenate_layer(xs: list[Array], axis: int) -> MergeLayers:
    axis = as_int(axis, "Concatenate", "axis")
    if axis == 0 or (xs and axis == -xs[0].ndim):
        raise ValueError("[Concatenate] axis 0 is the batch; concatenate along another one")
    # The core counts without the batch.
    return lambda graph, values: graph.concat(values, axis=axis - 1 if axis > 0 else axis)
