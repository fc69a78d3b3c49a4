"""Checks and timings on a machine with an NVIDIA GPU: `python benchmarks/gpu.py gpu.json`.

It takes less than eight minutes and writes JSON. Each part runs in a process of its own with a
limit of its own: one that fails is noted with its error, and the others go on. Peers (PyTorch
eager, compiled, and with the step in a CUDA graph; JAX with an epoch in one scan) take part where
they are installed with a GPU, in turns with pycnn; figures are medians of the rounds, and a part
that takes too long keeps what it has. "clock" says what measured them: device events, or, as JAX
has none, the host's clock. `--quick` tries the script, with tiny networks and few images, also on
the emulator: its figures mean nothing.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_checks import (
    SANITIZER_SECONDS,
    TESTS_SECONDS,
    Result,
    check_memory,
    check_races,
    check_tests,
    limited,
)

if TYPE_CHECKING:
    from gpu_nets import Runner

ROOT = Path(__file__).resolve().parents[1]

#: Of the process of a part: where its result goes.
_result_file: Path | None = None

# ---- speed


def alternating(makers: dict[str, Callable[[], "Runner"]], rounds: int, seconds: float) -> Result:
    """Images per second by name: the median and all rounds, or why there are none.

    Everybody has its first round as soon as it is made, which may take long; then in turns.
    """
    found: Result = {}
    runners: dict[str, Runner] = {}

    def turn(name: str) -> None:
        try:
            if name not in runners:
                runners[name] = makers[name]()
                found[name] = {"clock": runners[name].clock.kind, "rounds": []}
            found[name]["rounds"].append(runners[name](seconds))
            found[name]["images_per_second"] = statistics.median(found[name]["rounds"])
        except Exception as error:
            runners.pop(name, None)
            found[name] = found.get(name, {}) | {"error": f"{type(error).__name__}: {error}"[:2000]}
        keep(found)

    for name in makers:
        turn(name)
    for _ in range(rounds - 1):
        for name in [*runners]:
            turn(name)
    return found


def _jax_runner(describe: Callable[[Any], Any], x: Any, y: Any, batch: int) -> "Runner":
    """`describe` is given `gpu_jax`, which is imported only now, after what JAX reads then."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
    import gpu_jax

    return gpu_jax.runner(describe(gpu_jax), x, y, batch)


def _speed(name: str, batch: int, quick: bool, precision: str = "float32") -> Result:
    import gpu_nets as nets

    import pycnn

    tf32 = precision == "tf32"
    pycnn.set_float32_precision(precision)
    net = nets.NETS[name].small() if quick else nets.NETS[name]
    if quick:
        batch = 2
    steps = 2 if quick else max(20, min(8192 // batch, 128))
    x, y = nets.images_for(net.image, net.classes, steps * batch)

    def torch(mode: str) -> "Runner":
        import torch as library

        library.backends.cuda.matmul.allow_tf32 = tf32
        library.backends.cudnn.allow_tf32 = tf32
        library.backends.cudnn.benchmark = True
        return nets.torch_runner(nets.torch_model(net), x, y, batch, mode)

    makers: dict[str, Callable[[], Runner]] = {
        "pycnn": lambda: nets.pycnn_runner(nets.pycnn_model(net), x, y, batch),
        **{
            f"torch_{mode}": lambda mode=mode: torch(mode) for mode in ("eager", "compile", "graph")
        },
    }
    if not tf32:
        makers["jax_scan"] = lambda: _jax_runner(lambda jax: jax.chain(net), x, y, batch)
    return alternating(makers, 1 if quick else 5, 0.0 if quick else 0.5)


def lenet5_batch_64(quick: bool) -> Result:
    return _speed("lenet5", 64, quick)


def lenet5_batch_512(quick: bool) -> Result:
    return _speed("lenet5", 512, quick)


def cnn_32_64_1024_batch_100(quick: bool) -> Result:
    return _speed("cnn_32_64_1024", 100, quick)


def vgg16_batch_16_float32(quick: bool) -> Result:
    return _speed("vgg16", 16, quick)


def vgg16_batch_16_tf32(quick: bool) -> Result:
    return _speed("vgg16", 16, quick, "tf32")


def resnet20_batch_128(quick: bool) -> Result:
    import gpu_nets as nets

    import pycnn

    pycnn.set_device("cuda")
    batch, steps = (2, 1) if quick else (128, 64)
    size = (8, 8, 3) if quick else (32, 32, 3)
    x, y = nets.images_for(size, 10, steps * batch)

    def ours() -> "Runner":
        return nets.pycnn_runner(pycnn.models.resnet20(size), x, y, batch)

    makers: dict[str, Callable[[], Runner]] = {"pycnn": ours}
    for mode in ("eager", "compile", "graph"):
        makers[f"torch_{mode}"] = lambda mode=mode: nets.torch_runner(
            nets.torch_resnet20(), x, y, batch, mode
        )
    makers["jax_scan"] = lambda: _jax_runner(lambda jax: jax.resnet20(), x, y, batch)
    return alternating(makers, 1 if quick else 5, 0.0 if quick else 0.5)


# ---- 99 %

BATCH, EPOCHS, SEEDS = 64, 3, 30


def _digits(quick: bool) -> Any:
    import pycnn

    if quick:
        return pycnn.datasets.synthetic_digits(64, seed=1), pycnn.datasets.synthetic_digits(
            32, seed=2
        )
    return pycnn.datasets.mnist.load_data()


def _trained(seed: int, train: Any, test: Any, epochs: int) -> tuple[float, float]:
    """Seconds of the training loop, and the accuracy on the test images."""
    import gpu_nets as nets

    import pycnn
    from pycnn.optimizers import SGD, schedules

    pycnn.set_random_seed(seed)
    model = nets.pycnn_model(nets.NETS["lenet5"])
    steps = epochs * -(-len(train[0]) // BATCH)
    model.compile(
        SGD(schedules.OneCycle(0.05, steps), momentum=0.9, nesterov=True),
        "sparse_categorical_crossentropy",
        ["accuracy"],
    )
    start = time.perf_counter()
    model.fit(*train, batch_size=BATCH, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    logs = model.evaluate(*test, verbose=0, return_dict=True)
    assert isinstance(logs, dict)
    return seconds, logs["accuracy"]


def lenet5_to_99_percent(quick: bool) -> Result:
    """The recipe of examples/train_lenet5.py; the mean of 30 seeds should be 99 %."""
    train, test = _digits(quick)
    epochs = 1 if quick else EPOCHS
    runs = [_trained(seed, train, test, epochs) for seed in range(2 if quick else SEEDS)]
    seconds, accuracies = zip(*runs, strict=True)
    return {
        "epochs": epochs,
        "batch": BATCH,
        "training_loop_seconds_median": statistics.median(seconds[1:]),
        "training_loop_seconds_first": seconds[0],
        "accuracy_mean": statistics.mean(accuracies),
        "accuracy_least": min(accuracies),
        "accuracies": accuracies,
    }


def process_to_99_percent(quick: bool) -> Result:
    """From the start of a process to a trained and tested model."""
    times, accuracies = [], []
    code = (
        f"import gpu; data = gpu._digits({quick});"
        f"print(gpu._trained(0, *data, {1 if quick else EPOCHS})[1])"
    )
    for _ in range(1 if quick else 5):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-2000:])
        times.append(time.perf_counter() - start)
        accuracies.append(float(done.stdout))
    return {"seconds": statistics.median(times), "rounds": times, "accuracies": accuracies}


# ---- all of it

#: By name: the part, and how many seconds it may take; all together under eight minutes.
PARTS: dict[str, tuple[Callable[[bool], Result], int]] = {
    "tests": (check_tests, TESTS_SECONDS + 5),
    "memcheck": (check_memory, SANITIZER_SECONDS + 5),
    "racecheck": (check_races, SANITIZER_SECONDS + 5),
    "lenet5_batch_64": (lenet5_batch_64, 40),
    "lenet5_batch_512": (lenet5_batch_512, 40),
    "lenet5_to_99_percent": (lenet5_to_99_percent, 40),
    "process_to_99_percent": (process_to_99_percent, 30),
    "cnn_32_64_1024_batch_100": (cnn_32_64_1024_batch_100, 30),
    "resnet20_batch_128": (resnet20_batch_128, 40),
    "vgg16_batch_16_float32": (vgg16_batch_16_float32, 30),
    "vgg16_batch_16_tf32": (vgg16_batch_16_tf32, 30),
}


def first_line(*command: str) -> str | None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else None


def version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine() -> Result:
    import pycnn
    from pycnn import _core

    query = ["nvidia-smi", "--format=csv,noheader", "--query-gpu=name,driver_version,clocks.max.sm"]
    return {
        "gpu": pycnn.cuda.device_name(),
        "nvidia_smi": first_line(*query),
        "emulated": _core.cuda_is_emulated(),
        "compiler": first_line("nvcc", "--version"),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores, {_core.cpu_isa()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("pycnn", "numpy", "torch", "jax")},
        "commit": first_line("git", "rev-parse", "HEAD"),
        "changed": bool(first_line("git", "status", "--porcelain", "--untracked-files=no")),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def run_part(name: str, quick: bool) -> Result:
    """In a process of its own: an error of CUDA ends no other part."""
    limit = PARTS[name][1] * (4 if quick else 1)  # the emulator's tensor cores are slow
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        command = [sys.executable, __file__, str(file), "--part", name]
        status, output = limited([*command, *(["--quick"] if quick else [])], limit)
        result = json.loads(file.read_text()) if file.exists() else {}
    if status is None:
        result["error"] = f"took more than {limit} s"
    elif status != 0:
        result["error"] = f"ended with {status}: {output[-2000:]}"
    return {**result, "seconds": round(time.perf_counter() - start, 1)}


def write(path: Path, result: Result) -> None:
    """At once or not at all: who is ended meanwhile leaves the old file."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(result, indent=2) + "\n")
    new.replace(path)


def keep(result: Result) -> None:
    """Of a part: what it has found, or has found so far."""
    if _result_file is not None:
        write(_result_file, {"result": result})


def be_part(name: str, quick: bool, file: Path) -> None:
    global _result_file
    _result_file = file
    try:
        keep(PARTS[name][0](quick))
    except Exception:
        write(file, {"error": traceback.format_exc(limit=-4)})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="where the JSON goes")
    parser.add_argument("--quick", action="store_true", help="try the script")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts alone")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        be_part(options.part, options.quick, options.file)
        return
    report: Result = {"quick": options.quick, "machine": machine(), "parts": {}}
    for name in options.only or PARTS:
        report["parts"][name] = part = run_part(name, options.quick)
        print(f"{name}: {part['seconds']} s{', ' + part['error'] if 'error' in part else ''}")
        write(options.file, report)  # what is done is kept
    failed = [name for name, part in report["parts"].items() if "error" in part]
    unsound = [n for n, p in report["parts"].items() if not p.get("result", {}).get("passed", True)]
    if failed or unsound:
        sys.exit(f"failed: {', '.join(failed + unsound)}")


if __name__ == "__main__":
    main()
