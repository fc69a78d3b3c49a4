"""pycnn: convolutional networks with a fast native core under a Keras-like API.

Arrays are channels-last: images ``(images, height, width, channels)``, kernels
``(height, width, in, out)``, dense weights ``(in, out)``.

    >>> import pycnn
    >>> from pycnn import layers
    >>> model = pycnn.Sequential([layers.Flatten(input_shape=(28, 28)),
    ...                           layers.Dense(10, activation="softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""

import importlib
from typing import TYPE_CHECKING, Any

try:
    from pycnn._core import Tensor, __version__, num_threads
except ModuleNotFoundError as error:
    if error.name != "pycnn._core":
        raise
    raise ImportError(
        f"pycnn is imported from its source folder {__path__[0]}, which has no built core: install "
        "it (pip install .) and start Python in another folder"
    ) from None

from pycnn import (
    callbacks,
    cuda,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
)
from pycnn._runtime import (
    device,
    float32_precision,
    set_device,
    set_float32_precision,
    set_num_threads,
    set_random_seed,
)
from pycnn.io.model_file import load_model
from pycnn.layers import Input
from pycnn.model import Model
from pycnn.sequential import Sequential

if TYPE_CHECKING:
    from pycnn import analysis, models, viz

#: Modules that are imported when they are first used.
_LATER = ("analysis", "models", "viz")

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "Tensor",
    "__version__",
    "analysis",
    "callbacks",
    "cuda",
    "datasets",
    "device",
    "float32_precision",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "num_threads",
    "ops",
    "optimizers",
    "regularizers",
    "set_device",
    "set_float32_precision",
    "set_num_threads",
    "set_random_seed",
    "viz",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module(f"pycnn.{name}")
    raise AttributeError(f"module 'pycnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
