"""Dense layers, and changes of shape and scale."""

from collections.abc import Sequence
from typing import Any

from pycnn import initializers, regularizers
from pycnn._checks import boolean, finite_float, positive_int
from pycnn._core import Graph
from pycnn.layers.activation import add_activation, checked_activation
from pycnn.layers.base import Layer


class Flatten(Layer):
    """Any shape -> one dimension, last axis fastest; ``(5, 5, 16)`` -> ``(400,)``."""

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.flatten(value, name=self.name)


class Dense(Layer):
    """``x @ kernel + bias``: ``(in,)`` -> ``(units,)``.

    Weights: kernel ``(in, units)``, then bias ``(units,)``.

    Args:
        units: number of outputs.
        activation: applied to the output; None is none.
        use_bias: whether a bias per unit is added.
        kernel_initializer: see `pycnn.initializers`.
        bias_initializer: likewise.
        kernel_regularizer: a penalty on the kernel, see `pycnn.regularizers`; None is none.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: an option is out of its range or a name unknown.
    """

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | dict[str, Any] | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.units = positive_int(units, "units", self._where)
        self.activation = checked_activation(activation, self._where)
        self.use_bias = boolean(use_bias, "use_bias", self._where)
        self.kernel_initializer = initializers.get(kernel_initializer, self._where)
        self.bias_initializer = initializers.get(bias_initializer, self._where)
        self.kernel_regularizer = regularizers.get(kernel_regularizer, self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "units": self.units,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            **super().get_config(),
        }

    def _add_to(self, graph: Graph, value: int) -> int:
        value = graph.dense(
            value,
            units=self.units,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name=self.name,
        )
        if self.kernel_regularizer is not None:
            self.kernel_regularizer.add_to(graph, value, "kernel")
        return add_activation(graph, value, self.activation, self.name)


class Rescaling(Layer):
    """``x * scale + offset``, e.g. ``Rescaling(1 / 255)`` for pixels; any shape, kept.

    Args:
        scale: factor.
        offset: added after.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def __init__(
        self,
        scale: float,
        offset: float = 0.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.scale = finite_float(scale, "scale", self._where)
        self.offset = finite_float(offset, "offset", self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"scale": self.scale, "offset": self.offset, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.rescale(value, scale=self.scale, offset=self.offset, name=self.name)
