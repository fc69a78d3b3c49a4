"""A look into a model: any of its values, and gradients of them by the pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycnn import _arrays, _core
from pycnn._assembly import CallSpan
from pycnn._summary import receptive_fields
from pycnn.layers.symbolic import Operation
from pycnn.model import Model

Array = npt.NDArray[np.float32]

#: Nodes that turn scores into something else; behind them gradients vanish.
_ACTIVATIONS = ("Softmax", "Sigmoid", "ReLU", "Tanh", "LeakyReLU", "ELU", "GELU")


class Probe:
    """A network that gives some values of a model, with the weights that the model has now.

    Nothing about the model changes.

    Args:
        model: with known input shapes.
        values: of its graph; see `value_of` and `score_of`.
    """

    def __init__(self, model: Model, values: Sequence[int]) -> None:
        graph = model._built_graph()
        self._model = model
        # Values are numbered inputs first; each shape comes without the batch.
        self.shapes = [tuple(graph.shape(value)) for value in values]
        weights = model.get_weights()
        self._network = _core.Network(graph, list(values), 0)
        for index, weight in enumerate(weights):
            self._network.set_parameter(index, _core.Tensor(weight))

    def predict(self, x: Any, batch_size: int = 32) -> list[Array]:
        """Returns the values for all images ``(images, *shape)``."""
        tensors = self._model._images(x, "x")
        return [tensor.numpy() for tensor in self._network.predict(tensors, batch_size)]

    def gradient(self, x: Array, dy: Array) -> Array:
        """Returns the gradient of ``sum(value * dy)`` by the pixels, in the shape of `x`."""
        by_inputs, _ = self._network.backward([_core.Tensor(x)], [_core.Tensor(dy)])
        return np.asarray(by_inputs[0].numpy(), dtype=np.float32)


def single_input(model: Model) -> tuple[int, ...]:
    """Returns the input's shape, without the batch.

    Raises:
        ValueError: the model has several inputs.
    """
    model._built_graph()
    if len(model.inputs) != 1:
        raise ValueError(f"{model._where}has {len(model.inputs)} inputs; this works on one image")
    return model.inputs[0].image_shape


def as_pixels(model: Model, x: Any) -> Array:
    """Returns images as float32 in the shape of the model's single input."""
    shape = single_input(model)
    tensor = _arrays.inputs(x, shape, model._reader(0), "x")
    return np.ascontiguousarray(tensor.to("cpu").numpy(), dtype=np.float32)


def found_layer(model: Model, layer: Any) -> Operation:
    """Returns a layer given as name, place or itself.

    Raises:
        ValueError: the model does not have it.
    """
    if isinstance(layer, str):
        return model.get_layer(layer)
    if isinstance(layer, Operation):
        if not any(layer is item for item in model.layers):
            raise ValueError(f"{model._where}does not have the layer {layer.name!r}")
        return layer
    return model.get_layer(index=layer)


def span_of(model: Model, layer: Any) -> CallSpan:
    """Returns where the first call of a layer lies in the model's graph."""
    operation = found_layer(model, layer)
    model._built_graph()
    return next(span for span in model._spans if span.call.operation is operation)


def value_of(model: Model, layer: Any) -> int:
    """Returns the value that a layer gives, behind its activation."""
    return span_of(model, layer).values[0]


def sees_pixels(model: Model, layer: Operation) -> bool:
    """Whether each number that a layer of the model reads comes from one pixel."""
    if not any(layer is item for item in model.layers):
        return False
    span = span_of(model, layer)
    fields = receptive_fields(model._built_graph().nodes, len(model.inputs))
    return fields[_values(model)[span.call.inputs[0]._key]] == (1, 1)


def score_of(model: Model, value: int) -> int:
    """Returns the value before the activation that makes `value`, or `value` if there is none.

    Found for ``activation=`` of a layer, and for an activation layer of the model itself.
    """
    nodes, inputs = model._built_graph().nodes, len(model.inputs)
    node = value - inputs
    if node < 0 or nodes[node].kind not in _ACTIVATIONS:
        return value
    if node > 0 and nodes[node - 1].name == nodes[node].name:
        return value - 1
    span = next((item for item in model._spans if item.values == (value,)), None)
    if span is None or span.first != node:
        return value
    return _values(model)[span.call.inputs[0]._key]


def _values(model: Model) -> dict[Any, int]:
    """The values of the model's graph, by the keys of its symbolic tensors."""
    known: dict[Any, int] = {tensor._key: index for index, tensor in enumerate(model.inputs)}
    for item in model._spans:
        known |= {(item.call, index): made for index, made in enumerate(item.values)}
    return known
