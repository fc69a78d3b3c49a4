"""A library in a process of its own, which works when it is told to and sleeps otherwise.

So its threads, its allocator and its crashes are its own, and it runs on as many cores as the suite
was told to use, however it counts them.
"""

import multiprocessing
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from suite import cases, peers


class Failed(Exception):
    """The library could not do it; the message says why."""


class Worker:
    """The suite's end of a library's process."""

    def __init__(self, name: str, threads: int, isa: str | None, quick: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, threads, quick))
        with _environment(threads, isa):
            self._process.start()
        theirs.close()
        self.name = name
        self.version: str = self._answer()

    def modes(self, case: Any) -> tuple[str, ...]:
        return self._ask("modes", case)

    def open(self, case: Any, mode: str) -> np.ndarray:
        """Prepares the work, in the place of what was open; returns its check."""
        return self._ask("open", case, mode)

    def measure(self, mode: str, seconds: float) -> float:
        """Seconds of a unit of the work that `open` prepared for this mode."""
        return self._ask("measure", mode, seconds)

    def flops(self, case: Any) -> int:
        return self._ask("flops", case)

    def peak(self, seconds: float) -> float:
        return self._ask("peak", seconds)

    def core(self) -> dict[str, str]:
        """pycnn's instruction set and compiler."""
        return self._ask("core")

    def drop(self) -> None:
        """Forgets what is open."""
        self._ask("drop")

    def stop(self) -> None:
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()

    def _ask(self, *message: Any) -> Any:
        self._pipe.send(message)
        return self._answer()

    def _answer(self) -> Any:
        try:
            succeeded, value = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise Failed(f"the process ended with {self._process.exitcode}") from None
        if not succeeded:
            raise Failed(value)
        return value


@contextmanager
def _environment(threads: int, isa: str | None) -> Iterator[None]:
    """Variables that libraries read when they are loaded; None: without it."""
    wanted: dict[str, str | None] = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "PYCNN_CPU_ISA": isa,
        "PYCNN_CPU_LANES": None,
        "PYCNN_FUSE": None,
    }
    before = {name: os.environ.get(name) for name in wanted}
    _set_environment(wanted)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _serve(pipe: Connection, name: str, threads: int, quick: bool) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads] or cores)
    try:
        desk = _Desk(name, threads, quick)
    except Exception as error:
        pipe.send((False, _reason(error)))
        return
    pipe.send((True, desk.peer.version))
    while True:
        try:
            command, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, getattr(desk, command)(*arguments)))
        except Exception as error:
            pipe.send((False, _reason(error)))


def _reason(error: Exception) -> str:
    if not isinstance(error, NotImplementedError):
        traceback.print_exc()
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]


class _Desk:
    """What a worker does, command by command."""

    def __init__(self, name: str, threads: int, quick: bool) -> None:
        self.peer = peers.load(name, threads)
        self._quick = quick
        self._open: dict[str, Any] = {}

    def modes(self, case: Any) -> tuple[str, ...]:
        work = case.direction if isinstance(case, cases.OpCase) else case.kind
        return self.peer.modes(self._model(case), work)

    def open(self, case: Any, mode: str) -> np.ndarray:
        self._open.pop(mode, None)
        runner = self._prepare(case, mode)
        self._open[mode] = runner
        return runner.check

    def measure(self, mode: str, seconds: float) -> float:
        return float(self._open[mode].measure(seconds))

    def drop(self) -> None:
        self._open.clear()

    def flops(self, case: Any) -> int:
        from suite.peers.pycnn_peer import forward_flops, training_flops

        model = self._model(case)
        if isinstance(case, cases.NetworkCase) and case.kind == "train":
            return training_flops(model) * case.batch
        images = case.images(self._quick) if _evaluates(case) else case.batch
        return forward_flops(model) * images

    def peak(self, seconds: float) -> float:
        from pycnn import _core

        return _core.measure_peak(seconds)

    def core(self) -> dict[str, str]:
        from pycnn import _core

        return {"instruction_set": _core.cpu_isa(), "compiler": _core.compiler}

    def _model(self, case: Any) -> Any:
        if isinstance(case, cases.OpCase):
            return cases.build_op(case)
        return cases.build(case.model, self._quick)

    def _prepare(self, case: Any, mode: str) -> peers.Runner:
        model = self._model(case)
        if isinstance(case, cases.OpCase):
            random = np.random.default_rng(0)
            shape = (case.batch, *model.output_shape[1:])
            x = random.standard_normal((case.batch, *case.shape), dtype=np.float32)
            dy = random.standard_normal(shape, dtype=np.float32)
            return self.peer.op(model, x, dy, case.direction, mode)
        x, y = cases.data(case, self._quick)
        if case.kind == "train":
            return self.peer.train(model, x, y, case.batch, case.rate, mode)
        if case.kind == "evaluate":
            return self.peer.evaluate(model, x, y, case.batch, mode)
        return self.peer.predict(model, x, case.batch, mode)


def _evaluates(case: Any) -> bool:
    return isinstance(case, cases.NetworkCase) and case.kind == "evaluate"
