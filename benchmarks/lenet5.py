"""LeNet-5 training, pycnn beside PyTorch: `python benchmarks/lenet5.py` on an idle machine.

Both train the same network (6-16-120-84-10, ReLU, max pooling, 28x28 padded by 2) with SGD,
momentum 0.9, on the same data in memory, in turns within one process. Printed are images per
second (median of the rounds), the ratio, and the share of the multiply-add peak that was measured
in the same run. PyTorch (2.13 was used) must be installed: it is a peer here, not a dependency.
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
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pycnn
from pycnn import _core, layers

IMAGES = 8192  # of the data set in memory
Runner = Callable[[float], float]  # seconds to run -> images per second


def data() -> tuple[np.ndarray, np.ndarray]:
    """MNIST where it is at hand, else digits drawn by the program."""
    try:
        (x, y), _ = pycnn.datasets.mnist.load_data()
    except OSError:
        x, y = pycnn.datasets.synthetic_digits(IMAGES, seed=1)
    return np.ascontiguousarray(x[:IMAGES])[..., None], y[:IMAGES]


def pycnn_model() -> pycnn.Sequential:
    return pycnn.Sequential(
        [
            pycnn.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def training_flops(model: pycnn.Sequential) -> int:
    """Operations of one image's step: every multiply-add counts as two."""
    graph = _core.Graph((28, 28, 1))
    value = graph.input
    for layer in model.layers:
        value = layer._add_to(graph, value)
    multiply_adds = [node.multiply_adds for node in graph.nodes if node.multiply_adds]
    # Forward, weight gradients and input gradients; the first layer needs none of the last.
    return 2 * (3 * sum(multiply_adds) - multiply_adds[0])


def pycnn_runner(x: np.ndarray, y: np.ndarray, batch: int) -> Runner:
    model = pycnn_model()
    model.compile(
        pycnn.optimizers.SGD(0.01, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    usable = len(x) // batch * batch

    def run(seconds: float) -> float:
        images, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            model.fit(x[:usable], y[:usable], batch_size=batch, verbose=0)
            images += usable
        return images / (time.perf_counter() - start)

    return run


def torch_runner(x: np.ndarray, y: np.ndarray, batch: int, channels_last: bool) -> Runner:
    import torch
    from torch import nn

    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    ).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
    images = (torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32)) / 255).contiguous(
        memory_format=layout
    )
    labels = torch.from_numpy(y.astype(np.int64))

    def run(seconds: float) -> float:
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            order = torch.randperm(len(images))
            for first in range(0, len(images) - batch + 1, batch):
                chosen = order[first : first + batch]
                optimizer.zero_grad(set_to_none=True)
                loss_of(model(images[chosen]), labels[chosen]).backward()
                optimizer.step()
                done += batch
                if time.perf_counter() - start >= seconds:
                    break
        return done / (time.perf_counter() - start)

    return run


def peak_memory_of_example() -> float:
    """MB that the training example has resident at most."""
    example = Path(__file__).parents[1] / "examples" / "train_lenet5.py"
    # A child of this big process would start with its size: a small process in between measures.
    launcher = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        command = [str(example), "--epochs", "1", "--save", str(Path(folder) / "m.safetensors")]
        done = subprocess.run(
            [sys.executable, "-c", launcher, sys.executable, *command],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return int(done.stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one turn")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()

    import torch

    torch.set_num_threads(options.threads)
    pycnn.set_num_threads(options.threads)
    x, y = data()
    runners = {
        "pycnn": pycnn_runner(x, y, options.batch),
        "torch": torch_runner(x, y, options.batch, channels_last=False),
        "torch channels_last": torch_runner(x, y, options.batch, channels_last=True),
    }
    for run in runners.values():
        run(0.5)  # warm-up
    rates: dict[str, list[float]] = {name: [] for name in runners}
    peaks = []
    for _ in range(options.rounds):
        peaks.append(_core.measure_peak(0.3))
        for name, run in runners.items():
            rates[name].append(run(options.seconds))

    medians = {name: statistics.median(values) for name, values in rates.items()}
    best_peer = max(medians["torch"], medians["torch channels_last"])
    peak = statistics.median(peaks)
    flops = training_flops(pycnn_model())
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_core.cpu_isa()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "batch": options.batch,
        "threads": options.threads,
        "images_per_second": {name: round(value) for name, value in medians.items()},
        "lowest_and_highest": {n: [round(min(v)), round(max(v))] for n, v in rates.items()},
        "ratio": round(medians["pycnn"] / best_peer, 2),
        "flop_per_image": flops,
        "peak_gflops": round(peak / 1e9, 1),
        "share_of_peak": round(medians["pycnn"] * flops / peak, 3),
        "example_peak_resident_mb": round(peak_memory_of_example(), 1),
    }
    print(json.dumps(result, indent=2))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
