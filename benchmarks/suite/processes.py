"""Whole processes: MNIST to 99 % from start to end, and the memory that training takes at most."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite import measuring, peers, report
from suite.contest import Settings

_SUITE = Path(__file__).parent
_EXAMPLE = _SUITE.parents[1] / "examples" / "train_lenet5.py"
_TARGET = "0.99"
# ru_maxrss begins at what the parent had resident when it forked, so a bare interpreter starts the
# process and reports.
_LAUNCHER = (
    "import resource, subprocess, sys\n"
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
)


def run(settings: Settings, only: str, left_out: list[str]) -> list[dict[str, Any]]:
    """Seconds to 99 %, and MiB resident at most in one epoch; lines for who could not take part."""
    wanted = [name for name in ("99 % on MNIST", "peak memory") if only in f"processes {name}"]
    if not wanted:
        return []
    folder = mnist_folder()
    if folder is None:
        left_out.append("processes: MNIST's files are not at hand")
        return []
    for file in folder.iterdir():
        file.read_bytes()  # into the system's cache
    commands = _commands(settings, folder, left_out)
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        commands["pycnn"] += ["--save", str(Path(scratch) / "m.safetensors")]
        if wanted[0] == "99 % on MNIST":
            results.append(_contest(wanted[0], "s", commands, settings, _seconds))
        if wanted[-1] == "peak memory":
            results.append(_contest(wanted[-1], "MiB", commands, settings, _mebibytes))
    for result in results:
        print(report.process_line(result), flush=True)
    return results


def mnist_folder() -> Path | None:
    """Where MNIST's files are cached, plain or packed."""
    given = os.environ.get("PYCNN_DATA_DIR")
    folders = [Path(given) / "mnist"] if given else []
    folders.append(Path.home() / ".cache" / "pycnn" / "mnist")
    for folder in folders:
        if any(folder.glob("train-images-idx3-ubyte*")):
            return folder
    return None


def _commands(settings: Settings, folder: Path, left_out: list[str]) -> dict[str, list[str]]:
    commands = {"pycnn": [sys.executable, str(_EXAMPLE)]}
    if "torch" not in settings.peers:
        return commands
    if reason := peers.missing("torch"):
        left_out.append(f"torch, processes: {reason}")
        return commands
    script = [sys.executable, str(_SUITE / "lenet5_torch.py"), str(folder)]
    script += ["--threads", str(settings.threads)]
    commands["torch"] = script
    commands["torch channels_last"] = [*script, "--channels-last"]
    return commands


def _contest(
    case: str, unit: str, commands: Mapping[str, list[str]], settings: Settings, measure: Any
) -> dict[str, Any]:
    environment = dict(os.environ, PYCNN_NUM_THREADS=str(settings.threads), PYCNN_DEVICE="cpu")
    turns = {
        label: (lambda command=command: measure(command, environment))
        for label, command in commands.items()
    }
    rounds = min(settings.rounds, 3) if unit == "s" else 1  # memory hardly varies
    values = {k: measuring.summary(v) for k, v in measuring.alternate(turns, rounds).items()}
    rivals = {k: v["median"] for k, v in values.items() if k != "pycnn"}
    best = min(rivals, key=rivals.__getitem__) if rivals else None
    return {
        "case": case,
        "unit": unit,
        "threads": settings.threads,
        "values": values,
        "best_peer": best,
        "ratio": rivals[best] / values["pycnn"]["median"] if best else None,
    }


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    _start([*command, "--target", _TARGET], environment)
    return time.perf_counter() - start


def _mebibytes(command: list[str], environment: dict[str, str]) -> float:
    done = _start([sys.executable, "-c", _LAUNCHER, *command, "--epochs", "1"], environment)
    return int(done) / 1024  # Linux counts in KiB


def _start(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    return done.stdout
