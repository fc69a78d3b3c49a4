"""evaluate and predict: one native call, or one a batch when a callback wants to be asked."""

import time
from dataclasses import dataclass

import numpy as np

from pycnn import _core
from pycnn._arrays import Array
from pycnn._compiled import Compiled
from pycnn._progress import result_line
from pycnn.callbacks import CallbackList

Data = tuple[_core.Tensor, _core.Tensor]


@dataclass
class _Sums:
    """Totals over several calls of the core."""

    images: int
    loss: float
    hits: list[int]

    def add(self, totals: _core.Totals) -> None:
        images = self.images + totals.images
        self.loss += (totals.loss - self.loss) * totals.images / images
        self.images = images
        self.hits = [a + b for a, b in zip(self.hits, totals.hits, strict=True)]


def evaluate(
    network: _core.Network,
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
        logs = _evaluate_batches(network, compiled, data, batch_size, callbacks)
    else:
        logs = compiled.logs(network.evaluate([data[0]], [data[1]], batch_size))
    callbacks.call("on_test_end", logs)
    if verbose:
        print(result_line("evaluate", len(data[0]), time.perf_counter() - start, logs))
    return logs


def predict(
    network: _core.Network,
    images: _core.Tensor,
    batch_size: int,
    callbacks: CallbackList,
    verbose: int = 0,
) -> Array:
    """Returns the outputs of all images."""
    start = time.perf_counter()
    callbacks.call("on_predict_begin", {})
    if callbacks.wants_batches("predict"):
        outputs = _predict_batches(network, images, batch_size, callbacks)
    else:
        outputs = network.predict([images], batch_size)[0].numpy()
    callbacks.call("on_predict_end", {})
    if verbose:
        print(result_line("predict", len(images), time.perf_counter() - start, {}))
    return outputs


def _evaluate_batches(
    network: _core.Network,
    compiled: Compiled,
    data: Data,
    batch_size: int,
    callbacks: CallbackList,
) -> dict[str, float]:
    sums = _Sums(0, 0.0, [0] * len(compiled.top_k))
    logs: dict[str, float] = {}
    for batch, start in enumerate(range(0, len(data[0]), batch_size)):
        callbacks.call("on_test_batch_begin", batch, {})
        x, y = (part(tensor, start, start + batch_size) for tensor in data)
        sums.add(network.evaluate([x], [y], batch_size))
        logs = compiled.logs(sums)
        callbacks.call("on_test_batch_end", batch, logs)
    return logs


def _predict_batches(
    network: _core.Network, images: _core.Tensor, batch_size: int, callbacks: CallbackList
) -> Array:
    outputs = []
    for batch, start in enumerate(range(0, len(images), batch_size)):
        callbacks.call("on_predict_batch_begin", batch, {})
        x = part(images, start, start + batch_size)
        outputs.append(network.predict([x], batch_size)[0].numpy())
        callbacks.call("on_predict_batch_end", batch, {"outputs": outputs[-1]})
    return np.concatenate(outputs)


def part(tensor: _core.Tensor, start: int, stop: int) -> _core.Tensor:
    """Returns images ``[start, stop)`` of a tensor, without a copy."""
    return _core.Tensor(tensor.numpy()[start:stop])
