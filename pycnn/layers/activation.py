"""Activations, as layers and as the `activation=` of other layers."""

from collections.abc import Sequence
from typing import Any

from pycnn._checks import boolean, finite_float
from pycnn._core import Graph
from pycnn._names import known_name
from pycnn.layers.base import Layer

#: What `activation=` takes; None is "linear". As in Keras "leaky_relu" has slope 0.2 there, while
#: the layer `LeakyReLU` has 0.3; "elu" has alpha 1, "gelu" is the exact one.
ACTIVATIONS = ("elu", "gelu", "leaky_relu", "linear", "relu", "sigmoid", "softmax", "tanh")


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
        activation: "elu" (alpha 1), "gelu", "leaky_relu" (slope 0.2), "linear", "relu",
            "sigmoid", "softmax" or "tanh".
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


class LeakyReLU(Layer):
    """``x`` above 0, ``negative_slope * x`` elsewhere; any shape, kept.

    Args:
        negative_slope: not negative.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: the slope is out of its range.
    """

    def __init__(
        self,
        negative_slope: float = 0.3,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.negative_slope = _not_negative(negative_slope, "negative_slope", self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"negative_slope": self.negative_slope, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.activation(
            value, kind="leaky_relu", parameter=self.negative_slope, name=self.name
        )


class ELU(Layer):
    """``x`` above 0, ``alpha * (exp(x) - 1)`` elsewhere; any shape, kept.

    Args:
        alpha: the limit far below 0, negated; not negative.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: alpha is out of its range.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.alpha = _not_negative(alpha, "alpha", self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"alpha": self.alpha, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.activation(value, kind="elu", parameter=self.alpha, name=self.name)


class GELU(Layer):
    """``x * (1 + erf(x / sqrt(2))) / 2``; any shape, kept.

    Args:
        approximate: whether the erf is replaced by
            ``tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))``.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def __init__(
        self,
        approximate: bool = False,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.approximate = boolean(approximate, "approximate", self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"approximate": self.approximate, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        kind = "gelu_tanh" if self.approximate else "gelu"
        return graph.activation(value, kind=kind, name=self.name)


def _not_negative(value: Any, name: str, where: str) -> float:
    number = finite_float(value, name, where)
    if number < 0:
        raise ValueError(f"{where}{name} must not be negative; received {number}")
    return number
