"""Convolution."""

from collections.abc import Sequence
from typing import Any

from pycnn import initializers, regularizers
from pycnn._checks import int_pair, padding_sides, positive_int
from pycnn._core import Graph
from pycnn._names import known_name
from pycnn.layers.activation import add_activation, checked_activation
from pycnn.layers.base import Layer

Pair = int | Sequence[int]
Padding = str | tuple[tuple[int, int], tuple[int, int]]


class Conv2D(Layer):
    """Slides kernels over the image: ``(height, width, in)`` -> ``(height', width', filters)``.

    Along each axis the output has ``floor((N - F + padding) / S) + 1`` places; with "same"
    padding ``ceil(N / S)``. Weights: kernel ``(kernel height, kernel width, in, filters)``, then
    bias ``(filters,)``.

    Args:
        filters: number of kernels.
        kernel_size: height and width in pixels; one integer for both.
        strides: steps in pixels; one integer for both.
        padding: "valid" (none), "same", or zeros on each side as an integer,
            ``(height, width)`` or ``((top, bottom), (left, right))``.
        activation: applied to the output; None is none.
        use_bias: whether a bias per filter is added.
        kernel_initializer: see `pycnn.initializers`.
        bias_initializer: likewise.
        kernel_regularizer: a penalty on the kernel, see `pycnn.regularizers`; None is none.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: an option is out of its range or a name unknown; when the layer is added, a
            kernel that does not fit the input.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        strides: Pair = (1, 1),
        padding: str | int | Sequence[Any] = "valid",
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
        self.filters = positive_int(filters, "filters", self._where)
        self.kernel_size = int_pair(kernel_size, "kernel_size", self._where)
        self.strides = int_pair(strides, "strides", self._where)
        self.padding = _checked_padding(padding, self._where)
        self.activation = checked_activation(activation, self._where)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, self._where)
        self.bias_initializer = initializers.get(bias_initializer, self._where)
        self.kernel_regularizer = regularizers.get(kernel_regularizer, self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            **super().get_config(),
        }

    def _add_to(self, graph: Graph, value: int) -> int:
        value = graph.conv2d(
            value,
            filters=self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name=self.name,
        )
        if self.kernel_regularizer is not None:
            self.kernel_regularizer.add_to(graph, value, "kernel")
        return add_activation(graph, value, self.activation, self.name)


def _checked_padding(padding: Any, where: str) -> Padding:
    if isinstance(padding, str):
        return known_name("padding", padding, ("valid", "same"), where)
    return padding_sides(padding, where, "'valid', 'same', ")
