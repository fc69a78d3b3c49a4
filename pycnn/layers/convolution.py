"""Convolutions."""

from collections.abc import Sequence
from typing import Any

from pycnn import initializers, regularizers
from pycnn._checks import boolean, int_pair, padding_sides, positive_int
from pycnn._core import Graph
from pycnn._names import known_name
from pycnn.layers.activation import add_activation, checked_activation
from pycnn.layers.base import Layer

Pair = int | Sequence[int]
Padding = str | tuple[tuple[int, int], tuple[int, int]]


class Conv2D(Layer):
    """Slides kernels over the image: ``(height, width, in)`` -> ``(height', width', filters)``.

    Along each axis the output has ``floor((N - F + padding) / S) + 1`` places; with "same"
    padding ``ceil(N / S)``; F counts the pixels from a kernel's first tap to its last,
    ``(taps - 1) * dilation_rate + 1``. Weights: kernel ``(kernel height, kernel width,
    in / groups, filters)``, then bias ``(filters,)``.

    Args:
        filters: number of kernels.
        kernel_size: height and width in pixels; one integer for both.
        strides: steps in pixels; one integer for both.
        padding: "valid" (none), "same", or zeros on each side as an integer,
            ``(height, width)`` or ``((top, bottom), (left, right))``.
        dilation_rate: steps in pixels from tap to tap of a kernel; above 1 only with strides of 1.
        groups: input channels and filters are cut into as many equal parts; each part of the
            filters sees its part of the channels alone.
        activation: applied to the output; None is none.
        use_bias: whether a bias per filter is added.
        kernel_initializer: see `pycnn.initializers`.
        bias_initializer: likewise.
        kernel_regularizer: a penalty on the kernel, see `pycnn.regularizers`; None is none.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: an option is out of its range or a name unknown; strides and dilation rate
            both above 1; when the layer is added, a kernel that does not fit the input or groups
            that do not divide its channels.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        strides: Pair = (1, 1),
        padding: str | int | Sequence[Any] = "valid",
        dilation_rate: Pair = (1, 1),
        groups: int = 1,
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
        self.dilation_rate = _checked_dilation(dilation_rate, self.strides, self._where)
        self.groups = positive_int(groups, "groups", self._where)
        if self.filters % self.groups:
            raise ValueError(
                f"{self._where}groups must divide filters; received {self.groups} groups for "
                f"{self.filters} filters"
            )
        self.activation = checked_activation(activation, self._where)
        self.use_bias = boolean(use_bias, "use_bias", self._where)
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
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
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
            dilation=self.dilation_rate,
            groups=self.groups,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name=self.name,
        )
        if self.kernel_regularizer is not None:
            self.kernel_regularizer.add_to(graph, value, "kernel")
        return add_activation(graph, value, self.activation, self.name)


class DepthwiseConv2D(Layer):
    """Kernels for each channel alone: ``(height, width, in)`` -> ``(height', width', out)``.

    There are ``out = in * depth_multiplier`` output channels; number ``c * depth_multiplier + q``
    comes from input channel ``c`` by its kernel ``q``. Sizes as in `Conv2D`, of which this is the
    case ``groups=in``. Weights: kernel ``(kernel height, kernel width, in, depth_multiplier)``,
    then bias ``(out,)``. Source: Chollet, "Xception" (2017), for its use before a 1x1 `Conv2D`.

    Args:
        kernel_size: height and width in pixels; one integer for both.
        strides: steps in pixels; one integer for both.
        padding: as in `Conv2D`.
        depth_multiplier: kernels for each channel.
        dilation_rate: as in `Conv2D`.
        activation: applied to the output; None is none.
        use_bias: whether a bias per output channel is added.
        depthwise_initializer: of the kernel; see `pycnn.initializers`. As in Keras, its fans are
            taken from the kernel's shape: kernel height * width times ``in`` and times
            ``depth_multiplier``.
        bias_initializer: see `pycnn.initializers`.
        depthwise_regularizer: a penalty on the kernel, see `pycnn.regularizers`; None is none.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: as in `Conv2D`.
    """

    def __init__(
        self,
        kernel_size: Pair,
        strides: Pair = (1, 1),
        padding: str | int | Sequence[Any] = "valid",
        depth_multiplier: int = 1,
        dilation_rate: Pair = (1, 1),
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        depthwise_regularizer: str | regularizers.Regularizer | dict[str, Any] | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.kernel_size = int_pair(kernel_size, "kernel_size", self._where)
        self.strides = int_pair(strides, "strides", self._where)
        self.padding = _checked_padding(padding, self._where)
        self.depth_multiplier = positive_int(depth_multiplier, "depth_multiplier", self._where)
        self.dilation_rate = _checked_dilation(dilation_rate, self.strides, self._where)
        self.activation = checked_activation(activation, self._where)
        self.use_bias = boolean(use_bias, "use_bias", self._where)
        self.depthwise_initializer = initializers.get(depthwise_initializer, self._where)
        self.bias_initializer = initializers.get(bias_initializer, self._where)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer, self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "depth_multiplier": self.depth_multiplier,
            "dilation_rate": self.dilation_rate,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "depthwise_initializer": self.depthwise_initializer,
            "bias_initializer": self.bias_initializer,
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer),
            **super().get_config(),
        }

    def _add_to(self, graph: Graph, value: int) -> int:
        value = graph.depthwise_conv2d(
            value,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            depth_multiplier=self.depth_multiplier,
            dilation=self.dilation_rate,
            use_bias=self.use_bias,
            kernel_initializer=self.depthwise_initializer,
            bias_initializer=self.bias_initializer,
            name=self.name,
        )
        if self.depthwise_regularizer is not None:
            self.depthwise_regularizer.add_to(graph, value, "kernel")
        return add_activation(graph, value, self.activation, self.name)


def _checked_dilation(rate: Any, strides: tuple[int, int], where: str) -> tuple[int, int]:
    dilation = int_pair(rate, "dilation_rate", where)
    if max(dilation) > 1 and max(strides) > 1:
        raise ValueError(
            f"{where}strides above 1 do not go together with a dilation_rate above 1; received "
            f"strides {strides} and dilation_rate {dilation}"
        )
    return dilation


def _checked_padding(padding: Any, where: str) -> Padding:
    if isinstance(padding, str):
        return known_name("padding", padding, ("valid", "same"), where)
    return padding_sides(padding, where, "'valid', 'same', ")
