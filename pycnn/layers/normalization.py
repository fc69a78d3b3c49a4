"""Normalization."""

from collections.abc import Sequence
from typing import Any

from pycnn import initializers
from pycnn._checks import boolean, finite_float
from pycnn._core import Graph
from pycnn.layers.base import Layer


class BatchNormalization(Layer):
    """Gives each channel mean `beta` and deviation `gamma`; any shape, kept.

    ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``. In training mean and variance are
    those of the batch (over all axes but the channels), and the moving ones follow:
    ``moving = momentum * moving + (1 - momentum) * batch``; otherwise the moving ones are used.
    Weights: gamma, beta (as far as there are), moving mean, moving variance, each ``(channels,)``;
    the last two are not trained. Source: Ioffe and Szegedy (2015).

    Args:
        axis: of the channels: -1, the last, is the only one.
        momentum: of the moving statistics, in [0, 1].
        epsilon: added to the variance; positive.
        center: whether there is beta.
        scale: whether there is gamma.
        beta_initializer: see `pycnn.initializers`.
        gamma_initializer: likewise.
        moving_mean_initializer: likewise.
        moving_variance_initializer: likewise.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: an option is out of its range or a name unknown.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | initializers.Initializer = "zeros",
        gamma_initializer: str | initializers.Initializer = "ones",
        moving_mean_initializer: str | initializers.Initializer = "zeros",
        moving_variance_initializer: str | initializers.Initializer = "ones",
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        if axis != -1:
            raise ValueError(
                f"{self._where}axis must be -1, the channels (data are channels-last); "
                f"received {axis!r}"
            )
        self.axis = -1
        self.momentum = finite_float(momentum, "momentum", self._where)
        if not 0.0 <= self.momentum <= 1.0:
            raise ValueError(f"{self._where}momentum must be in [0, 1]; received {momentum!r}")
        self.epsilon = finite_float(epsilon, "epsilon", self._where)
        if self.epsilon <= 0.0:
            raise ValueError(f"{self._where}epsilon must be positive; received {epsilon!r}")
        self.center = boolean(center, "center", self._where)
        self.scale = boolean(scale, "scale", self._where)
        self.beta_initializer = initializers.get(beta_initializer, self._where)
        self.gamma_initializer = initializers.get(gamma_initializer, self._where)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, self._where)
        self.moving_variance_initializer = initializers.get(
            moving_variance_initializer, self._where
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": self.beta_initializer,
            "gamma_initializer": self.gamma_initializer,
            "moving_mean_initializer": self.moving_mean_initializer,
            "moving_variance_initializer": self.moving_variance_initializer,
            **super().get_config(),
        }

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.batch_norm(
            value,
            momentum=self.momentum,
            epsilon=self.epsilon,
            center=self.center,
            scale=self.scale,
            beta_initializer=self.beta_initializer,
            gamma_initializer=self.gamma_initializer,
            moving_mean_initializer=self.moving_mean_initializer,
            moving_variance_initializer=self.moving_variance_initializer,
            name=self.name,
        )
