"""Checks and timings on a machine with an NVIDIA GPU: `python benchmarks/gpu.py gpu.json`.

It takes less than eight minutes and writes JSON. Each part runs in a process of its own with a
limit of its own: one that fails is noted with its error, and the others go on. Peers (PyTorch
eager, compiled, and with the step in a CUDA graph; JAX with an epoch in one scan) take part where
they are installed, in turns with pycnn; figures are medians of the rounds. `--quick` tries the
script, with tiny networks and few images, also on the emulator: its figures mean nothing.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Result = dict[str, Any]

# ---- checks


def pytest(*arguments: str, tool: list[str] | None = None) -> Result:
    command = [*(tool or []), sys.executable, "-P", "-m", "pytest", "-q", "-m", "cuda", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return {"passed": done.returncode == 0, "output": lines[-1 if done.returncode == 0 else -40 :]}


def check_tests(quick: bool) -> Result:
    return pytest(*(["tests/ops/test_relu.py"] if quick else []))


def _sanitized(tool: str, quick: bool) -> Result:
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        return {"skipped": "compute-sanitizer is not on the PATH"}
    files = [f"tests/ops/test_{op}.py" for op in ("softmax", "batch_norm", "dense", "conv2d")]
    return pytest(
        *files[: 1 if quick else None],
        "-k",
        "numbers_are_within_the_bound",
        tool=[sanitizer, "--tool", tool, "--error-exitcode", "1"],
    )


def check_memory(quick: bool) -> Result:
    return _sanitized("memcheck", quick)


def check_races(quick: bool) -> Result:
    return _sanitized("racecheck", quick)


# ---- speed


def alternating(
    makers: dict[str, Callable[[], Callable[[float], float]]], rounds: int, seconds: float
) -> Result:
    """Images per second by name: the median and all rounds, or why there are none."""
    found: Result = {}
    runners = {}
    for name, make in makers.items():
        try:
            runners[name] = make()
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    speeds: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            speeds[name].append(run(seconds))
    for name, list_of_speeds in speeds.items():
        found[name] = {
            "images_per_second": statistics.median(list_of_speeds),
            "rounds": list_of_speeds,
        }
    return found


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

    def torch(mode: str) -> Callable[[float], float]:
        import torch as library

        library.backends.cuda.matmul.allow_tf32 = tf32
        library.backends.cudnn.allow_tf32 = tf32
        library.backends.cudnn.benchmark = True
        return nets.torch_runner(nets.torch_model(net), x, y, batch, mode)

    makers: dict[str, Callable[[], Callable[[float], float]]] = {
        "pycnn": lambda: nets.pycnn_runner(nets.pycnn_model(net), x, y, batch),
        **{
            f"torch_{mode}": lambda mode=mode: torch(mode) for mode in ("eager", "compile", "graph")
        },
    }
    if not tf32:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
        makers["jax_scan"] = lambda: nets.jax_runner(net, x, y, batch)
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

    def ours() -> Callable[[float], float]:
        return nets.pycnn_runner(pycnn.models.resnet20(size), x, y, batch)

    makers: dict[str, Callable[[], Callable[[float], float]]] = {"pycnn": ours}
    for mode in ("eager", "compile", "graph"):
        makers[f"torch_{mode}"] = lambda mode=mode: nets.torch_runner(
            nets.torch_resnet20(), x, y, batch, mode
        )
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
    "tests": (check_tests, 90),
    "memcheck": (check_memory, 45),
    "racecheck": (check_races, 45),
    "lenet5_batch_64": (lenet5_batch_64, 45),
    "lenet5_batch_512": (lenet5_batch_512, 45),
    "lenet5_to_99_percent": (lenet5_to_99_percent, 40),
    "process_to_99_percent": (process_to_99_percent, 30),
    "cnn_32_64_1024_batch_100": (cnn_32_64_1024_batch_100, 35),
    "resnet20_batch_128": (resnet20_batch_128, 35),
    "vgg16_batch_16_float32": (vgg16_batch_16_float32, 35),
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
        try:
            done = subprocess.run(
                [*command, *(["--quick"] if quick else [])],
                capture_output=True,
                text=True,
                check=False,
                timeout=limit,
            )
            result = (
                json.loads(file.read_text())
                if file.exists()
                else {"error": f"ended with {done.returncode}: {done.stderr[-2000:]}"}
            )
        except subprocess.TimeoutExpired:
            result = {"error": f"took more than {limit} s"}
    return {**result, "seconds": round(time.perf_counter() - start, 1)}


def write(path: Path, result: Result) -> None:
    path.write_text(json.dumps(result, indent=2) + "\n")


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
        try:
            write(options.file, {"result": PARTS[options.part][0](options.quick)})
        except Exception:
            write(options.file, {"error": traceback.format_exc(limit=-4)})
        return
    report: Result = {"quick": options.quick, "machine": machine(), "parts": {}}
    for name in options.only or PARTS:
        report["parts"][name] = part = run_part(name, options.quick)
        print(f"{name}: {part['seconds']} s{'' if 'result' in part else ', ' + part['error']}")
        write(options.file, report)  # what is done is kept
    failed = [name for name, part in report["parts"].items() if "result" not in part]
    unsound = [n for n, p in report["parts"].items() if not p.get("result", {}).get("passed", True)]
    if failed or unsound:
        sys.exit(f"failed: {', '.join(failed + unsound)}")


if __name__ == "__main__":
    main()
