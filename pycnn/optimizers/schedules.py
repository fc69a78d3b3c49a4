"""Learning-rate schedules: functions of the step that are saved with the model.

The step counts from 0 over all epochs. Any other function from the step to a number does as well,
but is saved as the number that it gives at that time. Names and formulas are those of Keras 3 where
Keras has them.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from pycnn._checks import boolean, float32_number, positive_int
from pycnn._names import known_name


class LearningRateSchedule(ABC):
    """The base of all schedules; a schedule of your own may as well be a plain function."""

    def __init__(self, **config: Any) -> None:
        self._config = config  # the arguments

    @abstractmethod
    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, JSON-able."""
        return dict(self._config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """Makes a schedule from what `get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), repr(self._config)))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._config.items())
        return f"{type(self).__name__}({arguments})"

    def _number(self, value: Any, name: str, least: float = 0.0) -> float:
        number = float32_number(value, name, f"[{type(self).__name__}] ")
        if number < least:
            raise ValueError(
                f"[{type(self).__name__}] {name} must be at least {least:g}; received {number}"
            )
        return number

    def _share(self, value: Any, name: str) -> float:
        number = self._number(value, name)
        if number > 1.0:
            raise ValueError(f"[{type(self).__name__}] {name} must be in [0, 1]; received {number}")
        return number

    def _steps(self, value: Any, name: str, minimum: int = 1) -> int:
        return positive_int(value, name, f"[{type(self).__name__}] ", minimum)


class ExponentialDecay(LearningRateSchedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: after so many steps the rate has been multiplied once by `decay_rate`.
        decay_rate: the factor.
        staircase: go down in jumps, each after `decay_steps`, not a little with every step.

    Raises:
        ValueError: a negative number, or no steps.
        TypeError: an argument is no number; steps that are no integer.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
    ) -> None:
        self._initial = self._number(initial_learning_rate, "initial_learning_rate")
        self._length = self._steps(decay_steps, "decay_steps")
        self._factor = self._number(decay_rate, "decay_rate")
        self._staircase = boolean(staircase, "staircase", f"[{type(self).__name__}] ")
        super().__init__(
            initial_learning_rate=self._initial,
            decay_steps=self._length,
            decay_rate=self._factor,
            staircase=self._staircase,
        )

    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""
        periods = step // self._length if self._staircase else step / self._length
        return float(self._initial * self._factor**periods)


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the first rate down to `alpha` times it; before it, if asked, a warm-up.

    ``rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)``, at the end for all
    steps after `decay_steps`. With a warm-up the rate first rises in a line, in `warmup_steps`,
    from `initial_learning_rate` to `warmup_target`, which is then the rate that decays.
    Source: Loshchilov and Hutter (2017).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: length of the decay, without the warm-up.
        alpha: in [0, 1], the share of the rate that is left at the end.
        warmup_target: the rate at the end of the warm-up; None: no warm-up.
        warmup_steps: length of the warm-up.

    Raises:
        ValueError: a negative number, no steps, `alpha` above 1, a warm-up without a target.
        TypeError: an argument is no number; steps that are no integer.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self._initial = self._number(initial_learning_rate, "initial_learning_rate")
        self._length = self._steps(decay_steps, "decay_steps")
        self._alpha = self._share(alpha, "alpha")
        self._warmup = self._steps(warmup_steps, "warmup_steps", minimum=0)
        if self._warmup > 0 and warmup_target is None:
            raise ValueError("[CosineDecay] warmup_steps needs a warmup_target")
        self._target = self._initial
        if warmup_target is not None:
            self._target = self._number(warmup_target, "warmup_target")
        super().__init__(
            initial_learning_rate=self._initial,
            decay_steps=self._length,
            alpha=self._alpha,
            warmup_target=None if warmup_target is None else self._target,
            warmup_steps=self._warmup,
        )

    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""
        if step < self._warmup:
            return self._initial + (self._target - self._initial) * step / self._warmup
        done = min(step - self._warmup, self._length) / self._length
        return self._target * ((1 - self._alpha) * (1 + math.cos(math.pi * done)) / 2 + self._alpha)


class PiecewiseConstantDecay(LearningRateSchedule):
    """A rate for each stretch of steps: ``values[i]`` up to and with step ``boundaries[i]``.

    Args:
        boundaries: the last steps of all stretches but the last, rising.
        values: the rates, one more than boundaries.

    Raises:
        ValueError: numbers of boundaries and values that do not go together, boundaries that do
            not rise, a negative number.
        TypeError: no sequences of numbers.
    """

    def __init__(self, boundaries: Sequence[int], values: Sequence[float]) -> None:
        self._boundaries = [self._steps(b, "a boundary", minimum=0) for b in boundaries]
        self._values = [self._number(value, "a value") for value in values]
        if len(self._values) != len(self._boundaries) + 1:
            raise ValueError(
                "[PiecewiseConstantDecay] expected one value more than boundaries; received "
                f"{len(self._values)} values and {len(self._boundaries)} boundaries"
            )
        if any(a >= b for a, b in zip(self._boundaries, self._boundaries[1:], strict=False)):
            raise ValueError(
                f"[PiecewiseConstantDecay] boundaries must rise; received {self._boundaries}"
            )
        super().__init__(boundaries=self._boundaries, values=self._values)

    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""
        return self._values[sum(step > boundary for boundary in self._boundaries)]


class OneCycle(LearningRateSchedule):
    """Up in a line to the largest rate, then down by half a cosine; one cycle over the training.

    Source: Smith and Topin (2019), "Super-convergence"; the form with the cosine is fast.ai's.

    Args:
        max_rate: the largest rate.
        steps: length of the whole training; later steps have the last rate.
        warmup: in [0, 1), the share of the steps in which the rate rises.
        start: in [0, 1], the first rate as a share of the largest.
        end: in [0, 1], the last rate as a share of the largest.

    Raises:
        ValueError: a negative number, no steps, a share above 1, nothing but warm-up.
        TypeError: an argument is no number; steps that are no integer.
    """

    def __init__(
        self,
        max_rate: float,
        steps: int,
        warmup: float = 0.3,
        start: float = 0.04,
        end: float = 0.0,
    ) -> None:
        self._max_rate = self._number(max_rate, "max_rate")
        self._length = self._steps(steps, "steps")
        self._share_up = self._share(warmup, "warmup")
        if self._share_up == 1.0:
            raise ValueError("[OneCycle] warmup must leave steps for the way down; received 1")
        self._start = self._share(start, "start")
        self._end = self._share(end, "end")
        super().__init__(
            max_rate=self._max_rate,
            steps=self._length,
            warmup=self._share_up,
            start=self._start,
            end=self._end,
        )

    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""
        rise = self._length * self._share_up
        if step < rise:
            return self._max_rate * (self._start + (1 - self._start) * step / rise)
        done = min(step - rise, self._length - rise) / (self._length - rise)
        return self._max_rate * (self._end + (1 - self._end) * (1 + math.cos(math.pi * done)) / 2)


class WarmUp(LearningRateSchedule):
    """Rises in a line to the first rate of another schedule, which then follows.

    Args:
        after: the schedule that begins when the warm-up ends, or a rate to stay at.
        steps: length of the warm-up.
        start: the rate at step 0.

    Raises:
        ValueError: a negative number, or no steps.
        TypeError: `after` is neither a schedule nor a number; steps that are no integer.
    """

    def __init__(
        self, after: float | LearningRateSchedule | dict[str, Any], steps: int, start: float = 0.0
    ) -> None:
        if isinstance(after, dict):
            after = deserialize(after)
        if not isinstance(after, LearningRateSchedule):
            after = self._number(after, "after")
        self._after = after
        self._length = self._steps(steps, "steps")
        self._start = self._number(start, "start")
        named = serialize(after) if isinstance(after, LearningRateSchedule) else after
        super().__init__(after=named, steps=self._length, start=self._start)

    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""
        later = max(step - self._length, 0)
        target = self._after(later) if callable(self._after) else self._after
        if step >= self._length:
            return target
        return self._start + (target - self._start) * step / self._length


#: What can be saved with a model.
BUILT_IN = (ExponentialDecay, CosineDecay, PiecewiseConstantDecay, OneCycle, WarmUp)
_CLASSES: dict[str, type[LearningRateSchedule]] = {cls.__name__.lower(): cls for cls in BUILT_IN}


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """Returns class and arguments, JSON-able."""
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(config: dict[str, Any]) -> LearningRateSchedule:
    """Makes a schedule from what `serialize` gave.

    Raises:
        ValueError: an unknown class, or an argument out of its range.
    """
    name = known_name("schedule", config["class_name"], _CLASSES)
    return _CLASSES[name].from_config(config["config"])
