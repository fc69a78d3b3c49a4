"""The checks of `gpu.py`: the tests on the GPU, and the kernels' tests under compute-sanitizer."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Result = dict[str, Any]

#: How long each check may take. The sanitized tests end by themselves before.
TESTS_SECONDS, SANITIZER_SECONDS = 70, 55
# For starting under the tool, and for the test that is running when the time is over.
_SPARE_SECONDS = 15
#: The tests that launch every kernel: those of the ops, and of a small net's step.
_SANITIZED = ("tests/ops", "tests/test_cuda_small_net.py")


def limited(command: list[str], seconds: float, **variables: str) -> tuple[int | None, str]:
    """Exit status and output; no status when the time was over, and all its processes are ended."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        child = subprocess.Popen(
            command,
            cwd=HERE.parent,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # compilers and tools have children of their own
        )
        try:
            status: int | None = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        output.seek(0)
        return status, output.read()


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "pytest", "-q", *arguments]


def check_tests(quick: bool) -> Result:
    only = ["tests/ops/test_relu.py"] if quick else []
    status, output = limited(_pytest("-m", "cuda", *only), TESTS_SECONDS * (4 if quick else 1))
    lines = output.strip().splitlines()
    return {
        "passed": status == 0,
        "finished": status is not None,
        "output": lines[-1 if status == 0 else -40 :],
    }


def _sanitized(tool: str, quick: bool) -> Result:
    """The kernels' tests, a case of every test in turn, for as long as there is time."""
    from pycnn import _core

    command = _pytest("-p", "gpu_sample", "-m", "cuda and not hypothesis", *_SANITIZED)
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is not None:
        command = [sanitizer, "--tool", tool, "--error-exitcode", "86", *command]
    elif not _core.cuda_is_emulated():
        return {"skipped": "compute-sanitizer is not on the PATH"}
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.json"
        status, output = limited(
            command,
            SANITIZER_SECONDS,
            PYTHONPATH=os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).strip(":"),
            PYCNN_SAMPLE_FILE=str(counts),
            PYCNN_SAMPLE_SECONDS=str(0 if quick else SANITIZER_SECONDS - _SPARE_SECONDS),
        )
        files = json.loads(counts.read_text()) if counts.exists() else {}
    lines = output.strip().splitlines()
    return {
        "passed": status == 0 and any(file["run"] for file in files.values()),
        "finished": status is not None,
        "sanitizer": sanitizer or "none: the emulator's tests without it",
        "files": files,
        "without_a_test": [name for name, file in files.items() if not file["run"]],
        "output": lines[-4 if status == 0 else -60 :],
    }


def check_memory(quick: bool) -> Result:
    return _sanitized("memcheck", quick)


def check_races(quick: bool) -> Result:
    return _sanitized("racecheck", quick)
