"""Changes of shape: zeros around the image, other shapes, other orders of the axes."""

from collections.abc import Sequence
from typing import Any

from pycnn._checks import padding_sides, positive_int
from pycnn._core import Graph
from pycnn.layers.base import Layer


class ZeroPadding2D(Layer):
    """Rows and columns of zeros around the image: ``(h, w, c)`` -> ``(t + h + b, l + w + r, c)``.

    Args:
        padding: pixels on every side, ``(vertical, horizontal)`` or
            ``((top, bottom), (left, right))``.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: a number is negative; when the layer is added, the input is no image.
    """

    def __init__(
        self,
        padding: int | Sequence[Any] = (1, 1),
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.padding = padding_sides(padding, self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"padding": self.padding, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.zero_pad2d(value, padding=self.padding, name=self.name)


class Reshape(Layer):
    """The same numbers, last axis fastest, in another shape; nothing is copied.

    Args:
        target_shape: without the batch; one dimension may be -1: what is left over.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: several -1, or another number below 1; when the layer is added, a shape with
            another number of elements.
    """

    def __init__(
        self,
        target_shape: Sequence[int],
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.target_shape = _integers(target_shape, "target_shape", self._where, -1)
        wrong = any(d == 0 for d in self.target_shape) or self.target_shape.count(-1) > 1
        if wrong or not self.target_shape:
            raise ValueError(
                f"{self._where}target_shape must be positive but for one -1; "
                f"received {target_shape!r}"
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"target_shape": self.target_shape, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.reshape(value, shape=self.target_shape, name=self.name)


class Permute(Layer):
    """The axes in another order: axis i of the output is axis ``dims[i - 1]`` of the input.

    Args:
        dims: the numbers of the axes from 1 on (0 is the batch), each once: ``(2, 1, 3)`` swaps
            height and width.
        input_shape: shape of one image, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: when the layer is added, dims are not the numbers of the input's axes.
    """

    def __init__(
        self,
        dims: Sequence[int],
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.dims = _integers(dims, "dims", self._where, 1)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self._where}dims must be the numbers from 1 on, each once; received {dims!r}"
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"dims": self.dims, **super().get_config()}

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.permute(value, dims=self.dims, name=self.name)


def _integers(value: Any, name: str, where: str, minimum: int) -> tuple[int, ...]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"{where}{name} must be a tuple of integers; received {value!r}")
    return tuple(positive_int(item, name, where, minimum) for item in value)
