"""Optimizers: how gradients change the weights. Formulas and defaults are those of Keras 3.

A step first adds the gradients of the weights' penalties (`pycnn.regularizers`), then clips, then
takes the decay off the weights, then follows the optimizer's rule.
"""

from typing import Any

from pycnn._names import known_name
from pycnn.optimizers import schedules
from pycnn.optimizers.adam import Adam, AdamW
from pycnn.optimizers.base import LearningRate, Optimizer
from pycnn.optimizers.rmsprop import RMSprop
from pycnn.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "LearningRate",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_CLASSES: dict[str, type[SGD] | type[Adam] | type[RMSprop]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
}


def get(identifier: str | Optimizer) -> Optimizer:
    """Returns an optimizer given as name ("adam", with the defaults) or instance.

    Raises:
        ValueError: the name is unknown.
        TypeError: neither a name nor an optimizer.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    return _CLASSES[known_name("optimizer", identifier, _CLASSES)]()


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Returns class, options and number of steps, JSON-able; a plain function's rate as a number.

    What the optimizer remembers of earlier gradients is not part of it.
    """
    return {
        "class_name": type(optimizer).__name__,
        "config": optimizer.get_config(),
        "iterations": optimizer.iterations,
    }


def deserialize(config: dict[str, Any]) -> Optimizer:
    """Makes an optimizer from what `serialize` gave.

    Raises:
        ValueError: an unknown class or an option out of its range.
    """
    if "class_name" not in config:  # of a model saved when there was only SGD
        return SGD.from_config(config)
    cls = _CLASSES[known_name("optimizer", config["class_name"], _CLASSES)]
    optimizer = cls.from_config(config["config"])
    optimizer.iterations = int(config["iterations"])
    return optimizer
