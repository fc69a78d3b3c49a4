"""From layers to the native graph: names within it, weights shared between calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycnn import _core

if TYPE_CHECKING:
    from pycnn.layers.base import Layer

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Place:
    """Where the first call of a layer lies in a graph."""

    path: str  # its name with those of the models around it: "encoder/dense"
    first: int  # its nodes: [first, end)
    end: int
    shapes: Shapes  # of its weights


class GraphBuilder:
    """Adds layers to a graph; a layer that comes again uses the weights of its first call."""

    def __init__(self) -> None:
        self.graph = _core.Graph()
        self.places: dict[Layer, Place] = {}
        #: Layers that two models of one graph hold.
        self.crossing: list[Layer] = []
        self._prefix = ""
        self._taken: set[str] = set()  # the paths of the places

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """The layers that come now belong to a nested model of this name."""
        before, self._prefix = self._prefix, f"{self._prefix}{name}/"
        try:
            yield
        finally:
            self._prefix = before

    def add(self, layer: Layer, values: Sequence[int]) -> int:
        """Adds the nodes of a layer behind `values`; returns the value that it gives.

        Raises:
            ValueError: they do not fit the layer; or its weights, if it has some already, do not
                fit them.
        """
        known = self.places.get(layer)
        path = self._prefix + layer.name
        if known is None:
            if path in self._taken:
                raise ValueError(f"{layer._where}the model has another layer of this name")
        else:
            layer._check_reuse()
            if known.path != path:
                self.crossing.append(layer)
            path = known.path
        first = self.graph.node_count
        own_name, layer._name = layer._name, path  # nodes, weights and messages show the path
        try:
            layer._check_input_shape([self.graph.shape(value) for value in values])
            result = layer._add_all(self.graph, values)
        finally:
            layer._name = own_name
        end = self.graph.node_count
        if known is not None:
            for node in range(first, end):
                self.graph.share_parameters(node, known.first + node - first)
            return result
        shapes = tuple(
            tuple(shape) for node in range(first, end) for shape in self.graph.weight_shapes(node)
        )
        if layer._shapes is not None and layer._shapes != shapes:
            raise ValueError(
                f"{layer._where}has weights of shapes {_text(layer._shapes)} already; these inputs "
                f"need {_text(shapes)}"
            )
        self._taken.add(path)
        self.places[layer] = Place(path, first, end, shapes)
        return result


def _text(shapes: Shapes) -> str:
    return ", ".join(map(str, shapes)) or "no weights"
