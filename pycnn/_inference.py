"""evaluate and predict: one native call, or one a batch when a callback wants to be asked.

Each call asks for the network anew: a hook may have changed weights through another model.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycnn import _core
from pycnn._compiled import Compiled
from pycnn._progress import result_line
from pycnn._structure import Structure
from pycnn._weights import LayerWeights
from pycnn.callbacks import CallbackList

#: One tensor for each input, and for each output.
Data = tuple[list[_core.Tensor], list[_core.Tensor]]


@dataclass
class _Sums:
    """Totals over several calls of the core."""

    images: int
    loss: float = 0.0
    output_losses: Sequence[float] = ()
    hits: Sequence[int] = ()

    def add(self, totals: _core.Totals) -> None:
        images = self.images + totals.images
        share = totals.images / images

        def mean(before: float, now: float) -> float:
            return before + (now - before) * share

        old_losses = self.output_losses or totals.output_losses
        old_hits = self.hits or [0] * len(totals.hits)
        self.loss = mean(self.loss, totals.loss)
        self.output_losses = list(map(mean, old_losses, totals.output_losses))
        self.hits = [a + b for a, b in zip(old_hits, totals.hits, strict=True)]
        self.images = images


def evaluate(
    weights: LayerWeights,
    compiled: Compiled,
    data: Data,
    batch_size: int,
    callbacks: CallbackList,
    verbose: int = 0,
) -> dict[str, float]:
    """Returns loss and metrics by name."""
    start = time.perf_counter()
    callbacks.call("on_test_begin", {})
    if callbacks.wants_batches("test"):
        logs = _evaluate_batches(weights, compiled, data, batch_size, callbacks)
    else:
        logs = compiled.logs(weights.ready().evaluate(*data, batch_size))
    callbacks.call("on_test_end", logs)
    if verbose:
        print(result_line("evaluate", len(data[0][0]), time.perf_counter() - start, logs))
    return logs


def predict(
    weights: LayerWeights,
    images: list[_core.Tensor],
    batch_size: int,
    callbacks: CallbackList,
    outputs: Structure,
    verbose: int = 0,
) -> Any:
    """Returns the outputs of all images, in the form of `outputs`."""
    start = time.perf_counter()
    callbacks.call("on_predict_begin", {})
    if callbacks.wants_batches("predict"):
        results = _predict_batches(weights, images, batch_size, callbacks, outputs)
    else:
        results = [tensor.numpy() for tensor in weights.ready().predict(images, batch_size)]
    callbacks.call("on_predict_end", {})
    if verbose:
        print(result_line("predict", len(images[0]), time.perf_counter() - start, {}))
    return outputs.pack(results)


def _evaluate_batches(
    weights: LayerWeights,
    compiled: Compiled,
    data: Data,
    batch_size: int,
    callbacks: CallbackList,
) -> dict[str, float]:
    sums = _Sums(0)
    logs: dict[str, float] = {}
    for number, start in enumerate(range(0, len(data[0][0]), batch_size)):
        callbacks.call("on_test_batch_begin", number, {})
        sums.add(weights.ready().evaluate(*batch(data, start, start + batch_size), batch_size))
        logs = compiled.logs(sums)
        callbacks.call("on_test_batch_end", number, logs)
    return logs


def _predict_batches(
    weights: LayerWeights,
    images: list[_core.Tensor],
    batch_size: int,
    callbacks: CallbackList,
    outputs: Structure,
) -> list[Any]:
    parts = []
    for number, start in enumerate(range(0, len(images[0]), batch_size)):
        callbacks.call("on_predict_batch_begin", number, {})
        x, _ = batch((images, []), start, start + batch_size)
        parts.append([tensor.numpy() for tensor in weights.ready().predict(x, batch_size)])
        callbacks.call("on_predict_batch_end", number, {"outputs": outputs.pack(parts[-1])})
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def batch(data: Data, start: int, stop: int) -> Data:
    """Returns images ``[start, stop)`` of all tensors, without a copy."""
    count = min(stop, len(data[0][0])) - start
    x, y = ([tensor.rows(start, count) for tensor in side] for side in data)
    return x, y
