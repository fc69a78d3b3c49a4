"""Normalization by the neighbouring channels, as in AlexNet."""

from collections.abc import Sequence
from typing import Any

from pycnn._checks import finite_float, positive_int
from pycnn._core import Graph
from pycnn.layers.base import Layer


class LocalResponseNormalization(Layer):
    """``x / (k + alpha * s) ** beta``, s the sum of ``x ** 2`` over `n` neighbouring channels.

    The channels around channel i are ``i - n // 2`` to ``i + (n - 1) // 2``, as far as they
    exist. Formula and defaults are those of AlexNet (Krizhevsky, Sutskever and Hinton 2012, 3.3).
    PyTorch's layer divides its alpha by n: give it ``alpha=n * alpha`` for the same result. Any
    shape, kept; the channels are the last axis.

    Args:
        n: channels in the sum.
        k: added to the sum, positive.
        alpha: factor of the sum, not negative.
        beta: the exponent.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        n: int = 5,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.n = positive_int(n, "n", self._where)
        self.k = finite_float(k, "k", self._where)
        self.alpha = finite_float(alpha, "alpha", self._where)
        self.beta = finite_float(beta, "beta", self._where)
        if self.k <= 0:
            raise ValueError(f"{self._where}k must be positive; received {self.k}")
        if self.alpha < 0:
            raise ValueError(f"{self._where}alpha must not be negative; received {self.alpha}")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "n": self.n,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
            **super().get_config(),
        }

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.local_response_norm(
            value, n=self.n, k=self.k, alpha=self.alpha, beta=self.beta, name=self.name
        )
