"""What keeps a network from learning its training images by heart."""

from collections.abc import Sequence
from typing import Any

from pycnn._checks import finite_float
from pycnn._core import Graph
from pycnn.layers.base import Layer

#: From here on a number is 1 in float32.
_BELOW_1 = 1 - 2.0**-25


class Dropout(Layer):
    """In training sets a random share of the numbers to 0; otherwise changes nothing.

    What is kept is multiplied by ``1 / (1 - rate)``, so that the expected sum stays (inverted
    dropout, as in Keras; Srivastava et al., JMLR 15, 2014). Any shape, kept. What is dropped
    follows the model's seed, the layer and the number of the training step, whatever the number
    of threads.

    Args:
        rate: the share that is dropped, at least 0 and below 1.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: the rate is out of its range.
    """

    def __init__(
        self,
        rate: float,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.rate = finite_float(rate, "rate", self._where)
        if not 0 <= self.rate < _BELOW_1:
            rounded = ", which is 1 in float32" if 0 < self.rate < 1 else ""
            raise ValueError(
                f"{self._where}rate must be at least 0 and below 1; received {self.rate}{rounded}"
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"rate": self.rate, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.dropout(value, rate=self.rate, name=self.name)
