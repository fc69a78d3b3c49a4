"""How a layer written in Python takes part in a native step."""

import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pycnn._core import Graph

if TYPE_CHECKING:
    from pycnn.layers.base import Layer

Array = npt.NDArray[Any]


class Weight:
    """A trainable weight of a layer written in Python.

    Attributes:
        name: within the layer.
        shape: of `value` and `gradient`.
        gradient: of the loss, summed over the batch; `Layer.backward` sets it.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: str,
        where: str,
        fetch: Callable[[], Array | None],
    ) -> None:
        self.name = name
        self.shape = shape
        self.initializer = initializer
        self.gradient: Array | None = None
        self._where = where
        self._bound: Array | None = None
        self._fetch = fetch  # None before a model has given it a value

    @property
    def value(self) -> Array:
        """The weight's numbers, float32; read-only in effect: change them by `set_weights`."""
        if self._bound is not None:
            return self._bound
        value = self._fetch()
        if value is not None:
            return value
        raise ValueError(f"{self._where}weight {self.name!r} has no value before the model does")

    def _take_gradient(self) -> Array:
        if self.gradient is None:
            raise ValueError(f"{self._where}backward did not set the gradient of {self.name!r}")
        gradient, self.gradient = np.asarray(self.gradient), None
        return _checked(gradient, self.shape, f"{self._where}gradient of {self.name!r}")


def fetcher(layer: "Layer", index: int) -> Callable[[], Array | None]:
    """Returns a function that reads a weight of `layer` from the model that has trained it."""
    reference = weakref.ref(layer)

    def fetch() -> Array | None:
        owner = reference()
        return None if owner is None or owner._held is None else owner._held.value(index)

    return fetch


def add_python_layer(layer: "Layer", graph: Graph, value: int) -> int:
    """Adds a node that calls `layer` to `graph`; returns the value of its output."""
    input_shape = tuple(graph.shape(value))
    where = layer._where
    layer.build((None, *input_shape))
    output_shape = _without_batch(layer.compute_output_shape((None, *input_shape)), where)
    keywords = {"training"} & set(inspect.signature(layer.forward).parameters)

    def forward(x: Array, values: list[Array], training: bool) -> Array:
        with _Bound(layer._weights, values):
            y = layer.forward(x, **dict.fromkeys(keywords, training))
        return _checked(y, (len(x), *output_shape), f"{where}output of forward")

    def backward(dy: Array, values: list[Array]) -> tuple[Array, list[Array]]:
        with _Bound(layer._weights, values):
            dx = layer.backward(dy)
        checked = _checked(dx, (len(dy), *input_shape), f"{where}output of backward")
        return checked, [weight._take_gradient() for weight in layer._weights]

    return graph.python_layer(
        value,
        output_shape=output_shape,
        forward=forward,
        backward=backward,
        parameters=[(weight.name, weight.shape, weight.initializer) for weight in layer._weights],
        name=layer.name,
    )


class _Bound:
    """Lends the step's weights to the layer while it computes."""

    def __init__(self, weights: list[Weight], values: list[Array]) -> None:
        self._weights = weights
        self._values = values

    def __enter__(self) -> None:
        for weight, value in zip(self._weights, self._values, strict=True):
            weight._bound = value

    def __exit__(self, *_: object) -> None:
        for weight in self._weights:
            weight._bound = None


def _without_batch(shape: Sequence[int | None], where: str) -> tuple[int, ...]:
    dimensions = tuple(shape)
    rest = tuple(item for item in dimensions[1:] if isinstance(item, (int, np.integer)))
    if dimensions[:1] != (None,) or len(rest) != len(dimensions) - 1:
        raise ValueError(
            f"{where}compute_output_shape must give (None, ...), the batch dimension first; "
            f"received {dimensions}"
        )
    return rest


def _checked(array: Any, shape: tuple[int, ...], what: str) -> Array:
    """Returns float32 in C order; refuses another shape."""
    result = np.asarray(array)
    if result.dtype.kind not in "biuf":
        raise TypeError(f"{what} must be an array of numbers; received {array!r:.80}")
    if result.shape != shape:
        raise ValueError(f"{what} must have shape {shape}; received {result.shape}")
    return np.ascontiguousarray(result, dtype=np.float32)
