"""examples/train_lenet5.py in PyTorch, a process of its own: the same net, recipe and data.

Run by the suite; it imports nothing of pycnn, so that neither its time nor its memory counts.
"""

import argparse
import gzip
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

BATCH = 64
PEAK_RATE = 0.05
WARMUP, START = 0.3, 0.04


def idx(folder: Path, name: str) -> np.ndarray:
    plain = folder / name
    raw = plain.read_bytes() if plain.exists() else gzip.decompress(_packed(plain).read_bytes())
    dims = raw[3]
    shape = np.frombuffer(raw, ">u4", dims, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


def digits(folder: Path, part: str, layout: torch.memory_format) -> tuple[torch.Tensor, ...]:
    x = idx(folder, f"{part}-images-idx3-ubyte").astype(np.float32)[:, None] / 255
    y = idx(folder, f"{part}-labels-idx1-ubyte").astype(np.int64)
    return torch.from_numpy(x).contiguous(memory_format=layout), torch.from_numpy(y)


def rate(step: int, steps: int) -> float:
    """pycnn.optimizers.schedules.OneCycle."""
    rise = WARMUP * steps
    if step < rise:
        return PEAK_RATE * (START + (1 - START) * step / rise)
    return PEAK_RATE * (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    with torch.inference_mode():
        hits = sum(
            int((model(x[i : i + 1000]).argmax(1) == y[i : i + 1000]).sum())
            for i in range(0, len(x), 1000)
        )
    return hits / len(x)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="with MNIST's four files")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--target", type=float)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    x, y = digits(options.folder, "train", layout)
    x_test, y_test = digits(options.folder, "t10k", layout)
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    ).to(memory_format=layout)
    for layer in model:
        if isinstance(layer, nn.Conv2d | nn.Linear):  # as pycnn begins
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=PEAK_RATE, momentum=0.9, nesterov=True, fused=True
    )
    loss_of = nn.CrossEntropyLoss()
    steps = options.epochs * math.ceil(len(x) / BATCH)
    step = 0
    for _ in range(options.epochs):
        for chosen in torch.randperm(len(x)).split(BATCH):
            optimizer.param_groups[0]["lr"] = rate(step, steps)
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
            step += 1
        reached = accuracy(model, x_test, y_test)
    print(f"Test accuracy {reached:.2%}")
    if options.target is not None and reached < options.target:
        sys.exit(f"The target of {options.target:.2%} is missed.")


if __name__ == "__main__":
    main()
