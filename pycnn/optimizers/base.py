"""What every optimizer has: a learning rate, decay, clipping, and a count of steps."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from pycnn import _core
from pycnn._checks import float32_number
from pycnn.optimizers import schedules

LearningRate = float | Callable[[int], float]
AnyOptimizer = TypeVar("AnyOptimizer", bound="Optimizer")
Rule = _core.SGD | _core.Adam | _core.RMSprop


class Optimizer(ABC):
    """The base of all optimizers; use one of the others.

    Args:
        learning_rate: a number, one of `schedules`, or another function from the step (0, 1, ...
            over all epochs) to a number. The attribute may be set at any time, from a callback
            too; the other options are fixed once made.
        weight_decay: share of the weights taken off per unit of learning rate, apart from the
            gradient; None is none.
        clipnorm: the gradient of each weight array is scaled down to this Euclidean norm.
        global_clipnorm: all gradients together are scaled down to this norm.
        clipvalue: every number of a gradient is cut to ``[-clipvalue, clipvalue]``.

    Raises:
        ValueError: an option is out of its range or not finite; more than one kind of clipping.
        TypeError: an option is no number.
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        weight_decay: float | None,
        clipnorm: float | None,
        global_clipnorm: float | None,
        clipvalue: float | None,
    ) -> None:
        self.learning_rate = learning_rate
        decay = 0.0 if weight_decay is None else weight_decay
        self._weight_decay = self._number(decay, "weight_decay")
        self._clipping = {
            name: None if value is None else self._positive(value, name)
            for name, value in (
                ("clipnorm", clipnorm),
                ("global_clipnorm", global_clipnorm),
                ("clipvalue", clipvalue),
            )
        }
        given = [name for name, value in self._clipping.items() if value is not None]
        if len(given) > 1:
            raise ValueError(
                f"{self._where}only one of clipnorm, global_clipnorm and clipvalue may be given; "
                f"received {' and '.join(given)}"
            )
        #: Steps done with this optimizer; the argument of a callable learning rate.
        self.iterations = 0

    @property
    def learning_rate(self) -> LearningRate:
        """The learning rate, a number or a function of the step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self._learning_rate: LearningRate = value if callable(value) else self._rate(value)

    @property
    def weight_decay(self) -> float:
        """The decay of the weights."""
        return self._weight_decay

    @property
    def clipnorm(self) -> float | None:
        """The largest norm of one weight array's gradient."""
        return self._clipping["clipnorm"]

    @property
    def global_clipnorm(self) -> float | None:
        """The largest norm of all gradients together."""
        return self._clipping["global_clipnorm"]

    @property
    def clipvalue(self) -> float | None:
        """The largest magnitude of a gradient's numbers."""
        return self._clipping["clipvalue"]

    def rate_at(self, step: int) -> float:
        """Returns the learning rate of one step, checked."""
        rate = self._learning_rate
        return self._rate(rate(step)) if callable(rate) else rate

    def native(self) -> _core.Optimizer:
        """Returns the core's description of this optimizer."""
        return _core.Optimizer(
            self._rule(), **{name: value or 0.0 for name, value in self._clipping.items()}
        )

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able.

        A function that is no schedule of pycnn stands there as the number that it gives now.
        """
        rate = self._learning_rate
        return {
            "learning_rate": schedules.serialize(rate)
            if isinstance(rate, schedules.BUILT_IN)
            else self.rate_at(self.iterations),
            "weight_decay": self._weight_decay,
            **self._clipping,
        }

    @classmethod
    def from_config(cls: type[AnyOptimizer], config: dict[str, Any]) -> AnyOptimizer:
        """Makes an optimizer from what `get_config` gave."""
        rate = config["learning_rate"]
        if isinstance(rate, dict):
            config = config | {"learning_rate": schedules.deserialize(rate)}
        return cls(**config)

    @abstractmethod
    def _rule(self) -> Rule:
        """Returns the core's options of the rule; the core checks their ranges."""

    @property
    def _where(self) -> str:
        return f"[{type(self).__name__}] "

    def _number(self, value: Any, name: str) -> float:
        return float32_number(value, name, self._where)

    def _positive(self, value: Any, name: str) -> float:
        number = self._number(value, name)
        if number <= 0.0:
            raise ValueError(f"{self._where}{name} must be positive; received {number}")
        return number

    def _rate(self, value: Any) -> float:
        rate = self._number(value, "learning_rate")
        if rate < 0.0:
            raise ValueError(f"{self._where}learning_rate must not be negative; received {rate}")
        return rate
