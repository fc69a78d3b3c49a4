"""RMSprop."""

from typing import Any

from pycnn import _core
from pycnn._checks import boolean
from pycnn.optimizers.base import LearningRate, Optimizer


class RMSprop(Optimizer):
    """Steps by the gradient over the root of its mean square, in Keras's form.

    ``v = rho * v + (1 - rho) * g**2``; ``s = rate * g / sqrt(v + epsilon)``; ``w -= s``, and with
    momentum ``b = momentum * b + s``; ``w -= b``. With `centered` the mean gradient's square is
    taken off v in the root. Sources: Tieleman and Hinton (2012); centered: Graves (2013).

    Args:
        learning_rate: see `Optimizer`, like the options that are not explained here.
        rho: in [0, 1), what the mean square keeps of itself in a step.
        momentum: in [0, 1).
        epsilon: positive; keeps small gradients from large steps.
        centered: divide by the deviation of the gradient, not by its root mean square.
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
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        *,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, global_clipnorm, clipvalue)
        self._rho = self._number(rho, "rho")
        self._momentum = self._number(momentum, "momentum")
        self._epsilon = self._number(epsilon, "epsilon")
        self._centered = boolean(centered, "centered", f"[{type(self).__name__}] ")
        self.native()  # the core checks the ranges

    @property
    def rho(self) -> float:
        """What the mean square keeps of itself in a step."""
        return self._rho

    @property
    def momentum(self) -> float:
        """The share of the last change that is kept."""
        return self._momentum

    @property
    def epsilon(self) -> float:
        """Added to the mean square."""
        return self._epsilon

    @property
    def centered(self) -> bool:
        """Whether the square of the mean gradient is taken off the mean square."""
        return self._centered

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able."""
        return super().get_config() | {
            "rho": self._rho,
            "momentum": self._momentum,
            "epsilon": self._epsilon,
            "centered": self._centered,
        }

    def _rule(self) -> _core.RMSprop:
        return _core.RMSprop(
            rho=self._rho,
            momentum=self._momentum,
            epsilon=self._epsilon,
            centered=self._centered,
            weight_decay=self._weight_decay,
        )
