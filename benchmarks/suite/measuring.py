"""Turns, medians and the description of the machine, for every script here that measures time."""

import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Turn = Callable[[], float]


def alternate(
    turns: Mapping[str, Turn], rounds: int, budget: float = math.inf
) -> dict[str, list[float]]:
    """Each contender's turn once a round, so that what disturbs the machine disturbs all alike.

    Args:
        turns: what each does; it returns its figure.
        rounds: at most; fewer where another one would leave the budget, but at least one.
        budget: seconds.
    """
    values: dict[str, list[float]] = {name: [] for name in turns}
    names = list(turns)
    start = time.perf_counter()
    for number in range(rounds):
        spent = time.perf_counter() - start
        if number > 0 and spent * (number + 1) / number > budget:
            break
        # Backwards every other time: nobody always comes after the same one.
        for name in names if number % 2 == 0 else reversed(names):
            values[name].append(turns[name]())
    return values


def summary(values: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def machine() -> dict[str, Any]:
    """What figures depend on, beside the code."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit() -> str | None:
    """Of the source beside this file, with a + when it has changes; None outside a clone."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def write_json(path: str | Path, result: Mapping[str, Any]) -> None:
    Path(path).write_text(json.dumps(result, indent=1) + "\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
