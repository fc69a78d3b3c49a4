"""Pooling: the maximum or the mean of a window."""

from collections.abc import Sequence
from typing import Any, NoReturn

from pycnn._checks import boolean, int_pair
from pycnn._core import Graph
from pycnn._names import known_name
from pycnn.layers.base import Layer


class _Pooling2D(Layer):
    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, **unknown)
        self.pool_size = int_pair(pool_size, "pool_size", self._where)
        given = self.pool_size if strides is None else strides
        self.strides = int_pair(given, "strides", self._where)
        self.padding = known_name("padding", padding, ("valid", "same"), self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            **super().get_config(),
        }


class MaxPooling2D(_Pooling2D):
    """The maximum of each window and channel; of equal ones the first gets the gradient.

    Args:
        pool_size: the window's height and width in pixels; one integer for both.
        strides: steps in pixels; None is `pool_size`.
        padding: "valid" or "same"; padded places never win.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.max_pool2d(
            value,
            pool_size=self.pool_size,
            strides=self.strides,
            padding=self.padding,
            name=self.name,
        )


class AveragePooling2D(_Pooling2D):
    """The mean of each window and channel.

    Args:
        pool_size: the window's height and width in pixels; one integer for both.
        strides: steps in pixels; None is `pool_size`.
        padding: "valid" or "same"; padded places do not count in the mean.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.avg_pool2d(
            value,
            pool_size=self.pool_size,
            strides=self.strides,
            padding=self.padding,
            name=self.name,
        )


class _GlobalPooling2D(Layer):
    def __init__(
        self,
        keepdims: bool = False,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, **unknown)
        self.keepdims = boolean(keepdims, "keepdims", self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"keepdims": self.keepdims, **super().get_config()}


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel over the whole image: ``(height, width, c)`` -> ``(c,)``.

    Args:
        keepdims: whether height and width stay, as 1: ``(1, 1, c)``.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.global_avg_pool2d(value, keepdims=self.keepdims, name=self.name)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The maximum of each channel over the whole image: ``(height, width, c)`` -> ``(c,)``.

    Of equal ones the first gets the gradient.

    Args:
        keepdims: whether height and width stay, as 1: ``(1, 1, c)``.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.
    """

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.global_max_pool2d(value, keepdims=self.keepdims, name=self.name)
