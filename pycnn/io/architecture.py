"""A model's architecture as JSON: no code, no pickle.

A Sequential is the list of its layers. Of a graph there are also its calls, in an order in which
each finds what it reads: ``{"layer": name, "inputs": [[source, call, index], ...]}``, where the
source is an input or a layer, `call` counts its calls and `index` its results.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pycnn import layers as known_layers
from pycnn._compiled import Compiled
from pycnn._names import known_name
from pycnn.layers.base import Layer
from pycnn.layers.symbolic import Call, Input, Operation, SymbolicTensor

if TYPE_CHECKING:
    from pycnn.model import Model

Custom = dict[str, type[Layer]] | None

_CLASSES: dict[str, type[Layer]] = {
    name: item
    for name, item in vars(known_layers).items()
    if isinstance(item, type) and issubclass(item, Layer) and item is not Layer
}


def chain_config(
    name: str, input_shape: Sequence[Any], layers: Sequence[Operation]
) -> dict[str, Any]:
    """Returns name, input shape and every layer's class and options."""
    return {"name": name, "input_shape": list(input_shape), "layers": _entries(layers)}


def graph_config(model: "Model") -> dict[str, Any]:
    """Returns name, inputs, layers, calls and outputs."""
    place: dict[Call, int] = {}
    calls: list[dict[str, Any]] = []
    counts: dict[Operation, int] = {}

    def reference(tensor: SymbolicTensor) -> list[Any]:
        call = tensor._call
        return [tensor._source, 0 if call is None else place[call], tensor._index]

    for call in model._calls:
        inputs = [reference(tensor) for tensor in call.inputs]
        calls.append({"layer": call.operation.name, "inputs": inputs})
        place[call] = counts.get(call.operation, 0)
        counts[call.operation] = place[call] + 1
    return {
        "name": model.name,
        "inputs": [{"name": item.name, "shape": list(item.image_shape)} for item in model.inputs],
        "input_form": model._input_form,
        "layers": _entries(model.layers),
        "calls": calls,
        "outputs": [reference(tensor) for tensor in model.outputs],
        "output_names": model.output_names,
        "output_form": model._output_form,
    }


def graph(config: dict[str, Any], custom_objects: Custom = None) -> tuple[Any, Any]:
    """Returns inputs and outputs for `Model` from what `graph_config` gave.

    Raises:
        ValueError: a class that neither pycnn nor `custom_objects` has; or a call that reads what
            no call before it gives (a cycle, a name that does not exist).
    """
    known: dict[tuple[Any, ...], SymbolicTensor] = {}
    inputs = [Input(entry["shape"], name=entry["name"]) for entry in config["inputs"]]
    for item in inputs:
        known[item.name, 0, 0] = item
    made = {layer.name: layer for layer in layers(config, custom_objects)}
    counts = dict.fromkeys(made, 0)

    def find(reference: list[Any], reader: str) -> SymbolicTensor:
        if tuple(reference) not in known:
            raise ValueError(f"{reader} reads {reference}, which no call before it gives")
        return known[tuple(reference)]

    for call in config["calls"]:
        name = call["layer"]
        if name not in made:
            raise ValueError(f"a call of layer {name!r}, which does not exist")
        tensors = [find(reference, f"layer {name!r}") for reference in call["inputs"]]
        if not tensors:
            raise ValueError(f"a call of layer {name!r} reads nothing")
        result = made[name](tensors if len(tensors) > 1 else tensors[0])
        for index, tensor in enumerate(_flat(result)):
            known[name, counts[name], index] = tensor
        counts[name] += 1
    outputs = [find(reference, "an output") for reference in config["outputs"]]
    return (
        _formed(inputs, [item.name for item in inputs], config["input_form"]),
        _formed(outputs, config["output_names"], config["output_form"]),
    )


def layers(config: dict[str, Any], custom_objects: Custom = None) -> list[Operation]:
    """Returns new layers from the configuration of a model.

    Raises:
        ValueError: a class that neither pycnn nor `custom_objects` has.
    """
    custom = custom_objects or {}
    return [_layer(entry["class_name"], entry["config"], custom) for entry in config["layers"]]


def metadata(model: "Model", compiled: Compiled | None) -> dict[str, str]:
    """Returns the metadata of a saved model.

    Raises:
        TypeError: a layer's `get_config` is not JSON-able; names the layer.
    """
    entries = {"class_name": _class_name(model), "model": _to_json(model.get_config())}
    if compiled is not None:
        entries["compile"] = _to_json(compiled.get_config())
    return entries


def _entries(operations: Sequence[Operation]) -> list[dict[str, Any]]:
    try:
        return [
            {"class_name": _class_name(item), "config": item.get_config()} for item in operations
        ]
    except RecursionError:
        raise ValueError(
            "models are nested too deep to be described in a file; save_weights can keep their "
            "weights"
        ) from None


def _class_name(operation: Operation) -> str:
    """The class that reads the configuration; a model's own subclass is saved as its base."""
    from pycnn.model import Model
    from pycnn.sequential import Sequential

    for base in (Sequential, Model):
        if isinstance(operation, base):
            return base.__name__
    return type(operation).__name__


def _flat(result: Any) -> list[SymbolicTensor]:
    if isinstance(result, dict):
        return list(result.values())
    return result if isinstance(result, list) else [result]


def _formed(items: list[Any], names: Sequence[str], form: str) -> Any:
    if not items:
        raise ValueError("a model needs at least one input and one output")
    if form == "dict":
        return dict(zip(names, items, strict=True))
    return items if form == "list" else items[0]


def _to_json(value: dict[str, Any]) -> str:
    for layer in value.get("layers", []):
        try:
            json.dumps(layer)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"[{layer['class_name']}] get_config is not JSON-able: {error}"
            ) from None
    return json.dumps(value)


def _layer(class_name: str, options: dict[str, Any], custom: dict[str, type[Layer]]) -> Operation:
    from pycnn.model import Model
    from pycnn.sequential import Sequential

    if class_name in custom:
        return custom[class_name].from_config(options)
    if class_name in ("Model", "Sequential"):
        kind = Model if class_name == "Model" else Sequential
        return kind.from_config(options, custom)
    if class_name not in _CLASSES:
        try:
            class_name = known_name("layer", class_name, _CLASSES)
        except ValueError as error:
            raise ValueError(
                f"{error}; a layer of your own needs custom_objects={{{class_name!r}: its class}}"
            ) from None
    return _CLASSES[class_name].from_config(options)
