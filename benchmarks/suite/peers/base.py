"""What a library must offer to be measured."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

import pycnn
from suite.cases import Kind, Pass
from suite.network import Network


class Runner:
    """Prepared work. `run(n)` does n units and returns when they are done.

    Attributes:
        check: numbers that must be the same for every library.
    """

    def __init__(self, run: Callable[[int], object], check: np.ndarray) -> None:
        self._run = run
        self.check = check

    def measure(self, seconds: float) -> float:
        """Works for about `seconds`, at least one unit; returns the seconds that a unit takes."""
        done, count, start = 0, 1, time.perf_counter()
        while True:
            self._run(count)
            done += count
            spent = time.perf_counter() - start
            if spent >= 0.8 * seconds:
                return spent / done
            # The first units may be slow: never more than four times what is done already.
            count = max(1, min(int(done * (seconds - spent) / spent), 4 * done))


class Peer(ABC):
    """A library in a process of its own. Made after the number of threads is settled there."""

    version: str

    @abstractmethod
    def __init__(self, threads: int) -> None: ...

    def modes(self, model: pycnn.Model, work: Kind | Pass) -> tuple[str, ...]:
        """Ways to do it that are measured one by one, the best one counts; none: it cannot."""
        return ("",)

    # x: as pycnn takes them, uint8 or float32, NHWC. y: labels. `rate`: learning rate of SGD with
    # momentum 0.9. The checks: losses of three training steps, or one in evaluation where steps
    # are random; outputs; loss and accuracy; the op's result, spread() in pycnn's layout.

    @abstractmethod
    def train(
        self, model: pycnn.Model, x: np.ndarray, y: np.ndarray, batch: int, rate: float, mode: str
    ) -> Runner: ...

    @abstractmethod
    def predict(self, model: pycnn.Model, x: np.ndarray, batch: int, mode: str) -> Runner: ...

    @abstractmethod
    def evaluate(
        self, model: pycnn.Model, x: np.ndarray, y: np.ndarray, batch: int, mode: str
    ) -> Runner: ...

    @abstractmethod
    def op(
        self, model: pycnn.Model, x: np.ndarray, dy: np.ndarray, direction: Pass, mode: str
    ) -> Runner: ...


MOMENTUM = 0.9
CHECKED_STEPS = 3


def spread(values: np.ndarray) -> np.ndarray:
    """At most 64 of the values, evenly from first to last."""
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    return flat[np.linspace(0, flat.size - 1, min(flat.size, 64)).astype(int)]


def scaled(net: Network, x: np.ndarray) -> np.ndarray:
    """The floats that the network's first real layer reads."""
    return x if x.dtype == np.float32 else x.astype(np.float32) * np.float32(net.scale)


class Order:
    """The images of batch after batch: each epoch a new permutation."""

    def __init__(self, images: int, batch: int) -> None:
        self._images, self._batch = images, batch
        self._random = np.random.default_rng(0)
        self._order = np.empty(0, np.int64)
        self._at = 0

    def next(self) -> np.ndarray:
        if self._at + self._batch > len(self._order):
            self._order, self._at = self._random.permutation(self._images), 0
        self._at += self._batch
        return self._order[self._at - self._batch : self._at]
