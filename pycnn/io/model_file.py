"""Whole models from files."""

import json
import os
from typing import Any

from pycnn._compiled import Compiled
from pycnn._runtime import checked_device
from pycnn.io import weights
from pycnn.layers import Layer
from pycnn.model import Model
from pycnn.sequential import Sequential


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, type[Layer]] | None = None,
    compile: bool = True,
    *,
    device: str | None = None,
) -> Model:
    """Returns a model from a file of `Model.save`.

    Nothing in the file is run. Shapes are compared with the file's header before memory for the
    weights is taken.

    Args:
        filepath: of the file.
        custom_objects: classes of your own layers, by name.
        compile: whether the model is compiled as it was when saved.
        device: "cpu", "cuda" or "auto"; as `pycnn.set_device` says where it is not given.

    Raises:
        OSError: it cannot be read.
        ValueError: truncated, corrupt, not a model, or a layer of your own whose class is missing;
            or another device's name.
        RuntimeError: "cuda" where it is not to be had; the message says what is missing.
    """
    if device is not None:
        device = checked_device(device)
    metadata = weights.read_metadata(filepath)
    where = os.fspath(filepath)
    if "model" not in metadata:
        raise ValueError(f"{where}: has weights only; make the model and call load_weights")
    with _naming(where):
        kind = Model if metadata.get("class_name") == "Model" else Sequential
        model = kind.from_config(json.loads(metadata["model"]), custom_objects, device)
        compiled = json.loads(metadata["compile"]) if compile and "compile" in metadata else None
        settled = Compiled.from_config(compiled) if compiled is not None else None
    arrays = weights.read(filepath, model._built_graph().parameters)
    model.set_weights(arrays)
    if settled is not None:
        model.compile(
            settled.optimizer,
            [output.loss for output in settled.outputs],
            [output.metrics for output in settled.outputs],
            loss_weights=[output.weight for output in settled.outputs],
        )
    return model


# What a description that fits nowhere runs into.
_EXPECTED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
    OverflowError,
)


class _naming:
    """Makes what a bad description of a model causes a ValueError that names the file."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, _EXPECTED):
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{self._where}: cannot make its model: {reason}") from error
