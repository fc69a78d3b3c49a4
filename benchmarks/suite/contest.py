"""One case after another: all libraries prepare the work, show that it is the same, take turns."""

import os
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suite import measuring, peers
from suite.cases import NetworkCase, OpCase
from suite.worker import Failed, Worker

#: Largest difference of the checks, as a share of the largest number in them.
TOLERANCE = 2e-3
#: A case ends early when it takes this many times the turns that one round should have.
BUDGET = 15

OTHER_NUMBERS = "other numbers than pycnn"

Case = NetworkCase | OpCase


@dataclass(frozen=True)
class Settings:
    """How long and with whom."""

    threads: int
    rounds: int
    seconds: float  # of a turn
    quick: bool
    peers: tuple[str, ...]


@dataclass
class Contest:
    """Keeps the libraries' processes; `left_out` says who did not take part, in what and why."""

    settings: Settings
    left_out: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    core: dict[str, str] = field(default_factory=dict)
    _workers: dict[str, Worker] = field(default_factory=dict)
    _kind: Any = None  # for which threads, instruction set and memory the workers were made

    def close(self) -> None:
        for worker in self._workers.values():
            worker.stop()
        self._workers.clear()

    def run(self, case: Case, seconds: float) -> dict[str, Any]:
        """Returns the figures of a case: of each contender, the ratio, the share of the peak.

        Args:
            case: what is done.
            seconds: of a turn; where one unit takes longer, so does the turn.
        """
        workers = self._ready(case)
        ready: dict[str, tuple[Worker, str]] = {}
        expected = workers["pycnn"].open(case, "")
        workers["pycnn"].measure("", 0.0)  # first touch of the memory
        ready["pycnn"] = (workers["pycnn"], "")
        for name in [name for name in workers if name != "pycnn"]:
            try:
                for mode in workers[name].modes(case):
                    check = workers[name].open(case, mode)
                    label = f"{name} {mode}".strip()
                    if _differs(check, expected):
                        # Such a time would be a time of other work.
                        self.left_out.append(f"{label}, {case.name}: {OTHER_NUMBERS}")
                        continue
                    workers[name].measure(mode, 0.0)  # what is compiled at the first use
                    ready[label] = (workers[name], mode)
            except Failed as failure:
                self._leave_out(name, case, failure)
        figures = self._measure(case, ready, seconds)
        for worker in workers.values():
            worker.drop()
        return figures

    def _measure(
        self, case: Case, ready: dict[str, tuple[Worker, str]], seconds: float
    ) -> dict[str, Any]:
        own = self._workers["pycnn"]
        turns = {
            label: (lambda w=worker, m=mode: w.measure(m, seconds))
            for label, (worker, mode) in ready.items()
        }
        turns["peak"] = lambda: own.peak(min(0.1, seconds))
        budget = BUDGET * seconds * len(turns)
        values = measuring.alternate(turns, self.settings.rounds, budget)
        peak = measuring.summary(values.pop("peak"))["median"]
        times = {label: measuring.summary(v) for label, v in values.items()}
        flops = own.flops(case)
        mine = times["pycnn"]["median"]
        rivals = {label: t["median"] for label, t in times.items() if label != "pycnn"}
        best = min(rivals, key=rivals.__getitem__) if rivals else None
        return {
            "case": case.name,
            **{key: value for key, value in vars(case).items() if value is not None},
            "threads": self._threads(case),
            "seconds": times,
            "best_peer": best,
            "ratio": rivals[best] / mine if best else None,
            "flop": flops,
            "peak_gflops": peak / 1e9,
            "share_of_peak": flops / mine / peak if flops else None,
        }

    def _threads(self, case: Case) -> int:
        given = case.threads if isinstance(case, NetworkCase) else None
        return given or self.settings.threads

    def _ready(self, case: Case) -> dict[str, Worker]:
        """Processes for the case: new ones where threads, instructions or memory would differ."""
        isa = case.isa if isinstance(case, NetworkCase) else None
        # VGG's gigabytes would leave the allocators in another state for those that follow.
        big = isinstance(case, NetworkCase) and case.model == "vgg16"
        kind = (self._threads(case), isa, big, isinstance(case, OpCase))
        if kind != self._kind:
            self.close()
            self._kind = kind
            for name in ("pycnn", *self.settings.peers):
                self._start(name, kind[0], isa)
        return dict(self._workers)

    def _start(self, name: str, threads: int, isa: str | None) -> None:
        if reason := peers.missing(name):
            if (line := f"{name}: {reason}") not in self.left_out:
                self.left_out.append(line)
            return
        try:
            worker = Worker(name, threads, isa, self.settings.quick)
        except Failed as failure:
            if name == "pycnn":
                raise
            self.left_out.append(f"{name}: {failure}")
            return
        self._workers[name] = worker
        self.versions[name] = worker.version
        if name == "pycnn" and isa is None:
            self.core = worker.core()

    def _leave_out(self, name: str, case: Case, failure: Failed) -> None:
        self.left_out.append(f"{name}, {case.name}: {failure}")
        print(f"  {self.left_out[-1]}", file=sys.stderr)


def _differs(check: np.ndarray, expected: np.ndarray) -> bool:
    if np.shape(check) != np.shape(expected):
        return True
    largest = max(float(np.abs(expected).max()), 1e-30)
    return not float(np.abs(np.asarray(check) - expected).max()) <= TOLERANCE * largest


def available_threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
