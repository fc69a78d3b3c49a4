"""A model's architecture as JSON: no code, no pickle."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pycnn import layers as known_layers
from pycnn._compiled import Compiled
from pycnn._names import known_name
from pycnn.layers import Layer

if TYPE_CHECKING:
    from pycnn.model import Sequential

_CLASSES: dict[str, type[Layer]] = {
    name: item
    for name, item in vars(known_layers).items()
    if isinstance(item, type) and issubclass(item, Layer) and item is not Layer
}


def config(name: str, input_shape: Sequence[Any], layers: Sequence[Layer]) -> dict[str, Any]:
    """Returns name, input shape and every layer's class and options."""
    return {
        "name": name,
        "input_shape": list(input_shape),
        "layers": [
            {"class_name": type(layer).__name__, "config": layer.get_config()} for layer in layers
        ],
    }


def layers(
    config: dict[str, Any], custom_objects: dict[str, type[Layer]] | None = None
) -> list[Layer]:
    """Returns new layers from what `config` gave.

    Raises:
        ValueError: a class that neither pycnn nor `custom_objects` has.
    """
    custom = custom_objects or {}
    return [_layer(entry["class_name"], entry["config"], custom) for entry in config["layers"]]


def metadata(model: "Sequential", compiled: Compiled | None) -> dict[str, str]:
    """Returns the metadata of a saved model.

    Raises:
        TypeError: a layer's `get_config` is not JSON-able; names the layer.
    """
    entries = {"model": _to_json(model.get_config())}
    if compiled is not None:
        entries["compile"] = _to_json(compiled.get_config())
    return entries


def _to_json(value: dict[str, Any]) -> str:
    for layer in value.get("layers", []):
        try:
            json.dumps(layer)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"[{layer['class_name']}] get_config is not JSON-able: {error}"
            ) from None
    return json.dumps(value)


def _layer(class_name: str, options: dict[str, Any], custom: dict[str, type[Layer]]) -> Layer:
    if class_name in custom:
        return custom[class_name].from_config(options)
    if class_name not in _CLASSES:
        try:
            class_name = known_name("layer", class_name, _CLASSES)
        except ValueError as error:
            raise ValueError(
                f"{error}; a layer of your own needs custom_objects={{{class_name!r}: its class}}"
            ) from None
    return _CLASSES[class_name].from_config(options)
