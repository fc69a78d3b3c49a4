"""Stochastic gradient descent."""

from typing import Any

from pycnn import _core
from pycnn._checks import boolean
from pycnn.optimizers.base import LearningRate, Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, in Keras's form.

    ``w -= rate * weight_decay * w``; ``v = momentum * v - rate * gradient``; ``w += v``, and with
    `nesterov` ``w += momentum * v - rate * gradient``. Source: Sutskever et al. (2013).

    Args:
        learning_rate: see `Optimizer`, like the options that are not explained here.
        momentum: in [0, 1).
        nesterov: look ahead by the momentum; needs ``momentum > 0``.
        weight_decay: None is none.
        clipnorm: at most one of the three kinds of clipping.
        global_clipnorm: likewise.
        clipvalue: likewise.

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
        *,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, global_clipnorm, clipvalue)
        self._momentum = self._number(momentum, "momentum")
        self._nesterov = boolean(nesterov, "nesterov", f"[{type(self).__name__}] ")
        self.native()  # the core checks the ranges

    @property
    def momentum(self) -> float:
        """The share of the last change that is kept."""
        return self._momentum

    @property
    def nesterov(self) -> bool:
        """Whether the momentum looks ahead."""
        return self._nesterov

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able."""
        return super().get_config() | {"momentum": self._momentum, "nesterov": self._nesterov}

    def _rule(self) -> _core.SGD:
        return _core.SGD(
            momentum=self._momentum, nesterov=self._nesterov, weight_decay=self._weight_decay
        )
