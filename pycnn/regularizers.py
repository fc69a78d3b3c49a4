"""Penalties on the size of weights, added to the loss in training and evaluation, as in Keras."""

from typing import Any

from pycnn._checks import finite_float
from pycnn._core import Graph
from pycnn._names import known_name


class Regularizer:
    """``l1 * sum|w| + l2 * sum(w**2)``; its gradient is ``l1 * sign(w) + 2 * l2 * w``.

    The base of `L1`, `L2` and `L1L2`; use one of these.

    Raises:
        ValueError: a factor is negative or not finite.
        TypeError: a factor is no number.
    """

    def __init__(self, l1: float, l2: float) -> None:
        self.l1 = self._factor(l1, "l1")
        self.l2 = self._factor(l2, "l2")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"l1": self.l1, "l2": self.l2}

    def add_to(self, graph: Graph, value: int, weight: str) -> None:
        """Puts the penalty on a weight of the node that makes `value`."""
        graph.regularize(value, weight, l1=self.l1, l2=self.l2)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def _factor(self, value: Any, name: str) -> float:
        factor = finite_float(value, name, f"[{type(self).__name__}] ")
        if factor < 0.0:
            raise ValueError(f"[{type(self).__name__}] {name} must not be negative; got {factor}")
        return factor


class L1(Regularizer):
    """``l1 * sum|w|``: drives small weights to zero.

    Args:
        l1: the factor.
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(w**2)``: keeps weights small.

    Args:
        l2: the factor.
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(0.0, l2)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"l2": self.l2}


class L1L2(Regularizer):
    """Both penalties.

    Args:
        l1: factor of ``sum|w|``.
        l2: factor of ``sum(w**2)``.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__(l1, l2)


_CLASSES: dict[str, type[L1] | type[L2] | type[L1L2]] = {"l1": L1, "l2": L2, "l1l2": L1L2}


def get(identifier: Any, where: str = "") -> Regularizer | None:
    """Returns a regularizer given as name ("l2"), instance, None, or by `serialize`.

    Raises:
        ValueError: the name is unknown, or the dict is none of `serialize`.
        TypeError: none of these.
    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    if isinstance(identifier, dict):
        if not {"class_name", "config"} <= identifier.keys():
            raise ValueError(
                f"{where}a regularizer as a dict has 'class_name' and 'config'; "
                f"received {identifier!r}"
            )
        name = known_name("regularizer", identifier["class_name"], _CLASSES, where)
        return _CLASSES[name](**identifier["config"])
    return _CLASSES[known_name("regularizer", identifier, _CLASSES, where)]()


def serialize(regularizer: Regularizer | None) -> dict[str, Any] | None:
    """Returns class and arguments, JSON-able; None for none."""
    if regularizer is None:
        return None
    return {"class_name": type(regularizer).__name__, "config": regularizer.get_config()}
