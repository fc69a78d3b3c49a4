"""Adam and AdamW."""

from typing import Any

from pycnn import _core
from pycnn._checks import boolean
from pycnn.optimizers.base import LearningRate, Optimizer


class Adam(Optimizer):
    """Steps by the mean of the gradient over the root of its mean square, in Keras's form.

    At step t = 1, 2, ... of a training: ``m += (1 - beta_1) * (g - m)``;
    ``v += (1 - beta_2) * (g**2 - v)``;
    ``w -= rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)``.
    Source: Kingma and Ba (2015), with the corrections in the rate, so `epsilon` is their
    epsilon-hat; `amsgrad`: Reddi et al. (2018).

    Args:
        learning_rate: see `Optimizer`, like the options that are not explained here.
        beta_1: in [0, 1), what the mean keeps of itself in a step.
        beta_2: in [0, 1), likewise for the mean square.
        epsilon: positive; keeps small gradients from large steps.
        amsgrad: divide by the largest mean square so far.
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
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        *,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, global_clipnorm, clipvalue)
        self._beta_1 = self._number(beta_1, "beta_1")
        self._beta_2 = self._number(beta_2, "beta_2")
        self._epsilon = self._number(epsilon, "epsilon")
        self._amsgrad = boolean(amsgrad, "amsgrad", f"[{type(self).__name__}] ")
        self.native()  # the core checks the ranges

    @property
    def beta_1(self) -> float:
        """What the mean gradient keeps of itself in a step."""
        return self._beta_1

    @property
    def beta_2(self) -> float:
        """What the mean square keeps of itself in a step."""
        return self._beta_2

    @property
    def epsilon(self) -> float:
        """Added to the root of the mean square."""
        return self._epsilon

    @property
    def amsgrad(self) -> bool:
        """Whether the largest mean square so far counts."""
        return self._amsgrad

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able."""
        return super().get_config() | {
            "beta_1": self._beta_1,
            "beta_2": self._beta_2,
            "epsilon": self._epsilon,
            "amsgrad": self._amsgrad,
        }

    def _rule(self) -> _core.Adam:
        return _core.Adam(
            beta_1=self._beta_1,
            beta_2=self._beta_2,
            epsilon=self._epsilon,
            amsgrad=self._amsgrad,
            weight_decay=self._weight_decay,
        )


class AdamW(Adam):
    """Adam with weight decay of its own: ``w -= rate * weight_decay * w`` before each step.

    Source: Loshchilov and Hutter (2019). Arguments and errors as for `Adam`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm=clipnorm,
            global_clipnorm=global_clipnorm,
            clipvalue=clipvalue,
        )
