"""What all builders share."""

import os
from typing import TypeVar

from pycnn.model import Model
from pycnn.sequential import Sequential

PathLike = str | os.PathLike[str]
AnyModel = TypeVar("AnyModel", Sequential, Model)


def with_weights(model: AnyModel, weights: PathLike | None) -> AnyModel:
    """The model, with the weights of a file where one is given."""
    if weights is not None:
        model.load_weights(weights)
    return model
