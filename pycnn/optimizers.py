"""Optimizers: how gradients change the weights."""

from collections.abc import Callable
from typing import Any

from pycnn import _core
from pycnn._checks import finite_float
from pycnn._names import known_name

LearningRate = float | Callable[[int], float]


class SGD:
    """Stochastic gradient descent with momentum, in Keras's form.

    ``w -= rate * weight_decay * w``; ``v = momentum * v - rate * gradient``; ``w += v``, and with
    `nesterov` ``w += momentum * v - rate * gradient``. Source: Sutskever et al. (2013).

    Args:
        learning_rate: a number, or a function from the step (0, 1, ... over all epochs) to one.
            The attribute may be set at any time, from a callback too.
        momentum: in [0, 1).
        nesterov: look ahead by the momentum; needs ``momentum > 0``.
        weight_decay: share of the weights taken off per unit of learning rate; None is none.

    Raises:
        ValueError: an option is out of its range or not finite.
        TypeError: an option is no number.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self._momentum = finite_float(momentum, "momentum", "[SGD] ")
        self._nesterov = bool(nesterov)
        decay = 0.0 if weight_decay is None else weight_decay
        self._weight_decay = finite_float(decay, "weight_decay", "[SGD] ")
        #: Steps done with this optimizer; the argument of a callable learning rate.
        self.iterations = 0
        self.native()  # the core checks the ranges

    @property
    def learning_rate(self) -> LearningRate:
        """The learning rate, a number or a function of the step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self._learning_rate: LearningRate = value if callable(value) else _checked_rate(value)

    @property
    def momentum(self) -> float:
        """The share of the last change that is kept; fixed once made."""
        return self._momentum

    @property
    def nesterov(self) -> bool:
        """Whether the momentum looks ahead; fixed once made."""
        return self._nesterov

    @property
    def weight_decay(self) -> float:
        """The decay of the weights; fixed once made."""
        return self._weight_decay

    def rate_at(self, step: int) -> float:
        """Returns the learning rate of one step, checked."""
        rate = self._learning_rate
        return _checked_rate(rate(step)) if callable(rate) else rate

    def native(self) -> _core.SGD:
        """Returns the core's description of this optimizer."""
        return _core.SGD(
            momentum=self._momentum, nesterov=self._nesterov, weight_decay=self._weight_decay
        )

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs; a callable rate as the number it gives now."""
        return {
            "learning_rate": self.rate_at(self.iterations),
            "momentum": self._momentum,
            "nesterov": self._nesterov,
            "weight_decay": self._weight_decay,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SGD":
        """Makes an optimizer from what `get_config` gave."""
        return cls(**config)


def get(identifier: str | SGD) -> SGD:
    """Returns an optimizer given as name ("sgd") or instance.

    Raises:
        ValueError: the name is unknown.
        TypeError: neither a name nor an optimizer.
    """
    if isinstance(identifier, SGD):
        return identifier
    known_name("optimizer", identifier, ("sgd",))
    return SGD()


def _checked_rate(value: Any) -> float:
    rate = finite_float(value, "learning_rate", "[SGD] ")
    if rate < 0.0:
        raise ValueError(f"[SGD] learning_rate must not be negative; received {rate}")
    return rate
