"""Layers of several inputs."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from pycnn._core import Graph
from pycnn.layers.base import Layer
from pycnn.layers.symbolic import SymbolicTensor


class Merge(Layer):
    """Base of the layers that take a list of two or more tensors."""

    def _add_all(self, graph: Graph, values: Sequence[int]) -> int:
        if len(values) < 2:
            raise ValueError(
                f"{self._where}expected a list of two or more tensors; received {len(values)}"
            )
        return self._merge(graph, list(values))

    def _merge(self, graph: Graph, values: list[int]) -> int:
        raise NotImplementedError


class Add(Merge):
    """The sum of tensors of one shape, as in residual blocks: ``Add()([x, y])``."""

    def _merge(self, graph: Graph, values: list[int]) -> int:
        return graph.add(values, name=self.name)


class Concatenate(Merge):
    """Tensors one after another along an axis, as in inception blocks.

    Args:
        axis: counts the batch dimension, as in Keras: -1 or 3 are an image's channels. The other
            dimensions must agree.
        name: unique within the model.

    Raises:
        ValueError: the axis is that of the batch, or the tensors do not have it; shapes that do not
            go together.
    """

    def __init__(self, axis: int = -1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        try:
            self.axis = operator.index(axis)
        except TypeError:
            raise TypeError(f"{self._where}axis must be an integer; received {axis!r}") from None
        if self.axis == 0:
            raise ValueError(f"{self._where}axis 0 is the batch; images are not put together")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"axis": self.axis, **super().get_config()}

    def _merge(self, graph: Graph, values: list[int]) -> int:
        rank = len(graph.shape(values[0])) + 1  # with the batch
        if not -rank < self.axis < rank:
            shape = (None, *graph.shape(values[0]))
            raise ValueError(f"{self._where}axis {self.axis} does not exist in {shape}")
        axis = self.axis - 1 if self.axis > 0 else self.axis  # the graph's axes leave out the batch
        return graph.concat(values, axis=axis, name=self.name)


def add(inputs: Sequence[SymbolicTensor]) -> SymbolicTensor:
    """``Add()(inputs)``."""
    result: SymbolicTensor = Add()(inputs)
    return result


def concatenate(inputs: Sequence[SymbolicTensor], axis: int = -1) -> SymbolicTensor:
    """``Concatenate(axis)(inputs)``."""
    result: SymbolicTensor = Concatenate(axis)(inputs)
    return result
