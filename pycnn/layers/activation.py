"""Activations, as layers and as the `activation=` of other layers."""

from collections.abc import Sequence
from typing import Any

from pycnn._core import Graph
from pycnn._names import known_name
from pycnn.layers.base import Layer

#: What `activation=` takes; None is "linear".
ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax", "tanh")


def checked_activation(activation: str | None, where: str) -> str:
    """Returns the name of an activation; None is "linear".

    Raises:
        ValueError: the name is unknown; the message has the nearest known one.
    """
    if activation is None:
        return "linear"
    return known_name("activation", activation, ACTIVATIONS, where)


def add_activation(graph: Graph, value: int, activation: str, name: str) -> int:
    """Adds an activation behind `value`; "linear" adds nothing."""
    if activation == "linear":
        return value
    return graph.activation(value, kind=activation, name=name)


class Activation(Layer):
    """Applies an activation to every number, softmax along the last axis.

    Args:
        activation: "linear", "relu", "sigmoid", "softmax" or "tanh".
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def __init__(
        self,
        activation: str,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.activation = checked_activation(activation, self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"activation": self.activation, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return add_activation(graph, value, self.activation, self.name)


class ReLU(Layer):
    """``max(x, 0)``; any shape, kept."""

    def _add_to(self, graph: Graph, value: int) -> int:
        return add_activation(graph, value, "relu", self.name)


class Softmax(Layer):
    """``exp(x) / sum(exp(x))`` along the last axis; any shape, kept."""

    def _add_to(self, graph: Graph, value: int) -> int:
        return add_activation(graph, value, "softmax", self.name)
