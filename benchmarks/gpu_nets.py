"""The networks of `gpu.py`, described once, and how pycnn and PyTorch train them.

Every maker returns a Runner: seconds to run -> images per second. What it runs is the training
loop on data that are on the GPU before it begins: SGD with momentum 0.9, batches picked by a
shuffled order.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import pycnn
from pycnn import _core, layers

RATE, MOMENTUM = 0.01, 0.9


@dataclass(frozen=True)
class Net:
    """Convolutions with ReLU, "pool" for 2x2 maxima, then dense layers with ReLU, and classes."""

    image: tuple[int, int, int]
    features: Sequence[tuple[int, int, str] | str]  # (filters, kernel, padding)
    units: Sequence[int]
    classes: int

    def small(self) -> "Net":
        """With an eighth of the channels, of smaller images: to try the script."""
        size = max(self.image[0] // 7, 28)
        features = [f if isinstance(f, str) else (max(f[0] // 8, 2), *f[1:]) for f in self.features]
        units = [max(u // 16, 4) for u in self.units]
        return replace(self, image=(size, size, self.image[2]), features=features, units=units)


def _vgg(*groups: tuple[int, int]) -> list[tuple[int, int, str] | str]:
    features: list[tuple[int, int, str] | str] = []
    for filters, count in groups:
        features += [(filters, 3, "same")] * count + ["pool"]
    return features


NETS = {
    "lenet5": Net((28, 28, 1), [(6, 5, "same"), "pool", (16, 5, "valid"), "pool"], [120, 84], 10),
    "cnn_32_64_1024": Net(
        (28, 28, 1), [(32, 5, "same"), "pool", (64, 5, "same"), "pool"], [1024], 10
    ),
    "vgg16": Net(
        (224, 224, 3), _vgg((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), [4096, 4096], 1000
    ),
}


def images_for(image: tuple[int, int, int], classes: int, count: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (count, *image), dtype=np.uint8)
    return x, random.integers(0, classes, count)


@dataclass(frozen=True)
class Clock:
    """What measures: `start` waits for the device and begins; what it returns gives the seconds."""

    kind: str
    start: Callable[[], Callable[[], float]]


@dataclass(frozen=True)
class Runner:
    """`step` does some steps and returns the number of images; it need not wait for the device."""

    step: Callable[[], int]
    clock: Clock

    def __call__(self, seconds: float) -> float:
        """Images per second, over about so many seconds."""
        stop = self.clock.start()
        done, begin = 0, time.perf_counter()
        while done == 0 or time.perf_counter() - begin < seconds:
            done += self.step()
        return done / stop()


# ---- pycnn


def pycnn_model(net: Net) -> pycnn.Sequential:
    model = pycnn.Sequential([pycnn.Input(net.image), layers.Rescaling(1 / 255)], device="cuda")
    for feature in net.features:
        if isinstance(feature, str):
            model.add(layers.MaxPooling2D(2))
        else:
            filters, kernel, padding = feature
            model.add(layers.Conv2D(filters, kernel, padding=padding, activation="relu"))
    model.add(layers.Flatten())
    for units in net.units:
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(net.classes, activation="softmax"))
    return model


def pycnn_runner(model: Any, x: Any, y: Any, batch: int) -> Runner:
    model.compile(pycnn.optimizers.SGD(RATE, momentum=MOMENTUM), "sparse_categorical_crossentropy")
    images, labels = (pycnn.Tensor(array).to("cuda") for array in (x, y))

    def step() -> int:
        model.fit(images, labels, batch_size=batch, verbose=0)
        return len(y)

    step()  # captures are made now
    return Runner(step, Clock("device events", _core.start_cuda_timer))


# ---- PyTorch


def torch_model(net: Net) -> Any:
    from torch import nn

    height, channels = net.image[0], net.image[2]
    modules: list[Any] = []
    for feature in net.features:
        if isinstance(feature, str):
            modules.append(nn.MaxPool2d(2))
            height //= 2
            continue
        filters, kernel, padding = feature
        modules += [
            nn.Conv2d(channels, filters, kernel, padding=kernel // 2 if padding == "same" else 0),
            nn.ReLU(),
        ]
        height -= 0 if padding == "same" else kernel - 1
        channels = filters
    modules.append(nn.Flatten())
    width = channels * height * height
    for units in net.units:
        modules += [nn.Linear(width, units), nn.ReLU()]
        width = units
    return nn.Sequential(*modules, nn.Linear(width, net.classes))


def torch_resnet20() -> Any:
    import torch
    from torch import nn

    def conv(before: int, after: int, size: int, stride: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(before, after, size, stride, size // 2, bias=False), nn.BatchNorm2d(after)
        )

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                conv(before, after, 3, stride), nn.ReLU(), conv(after, after, 3, 1)
            )
            self.way = conv(before, after, 1, stride) if before != after else nn.Identity()

        def forward(self, x: Any) -> Any:
            return torch.relu(self.body(x) + self.way(x))

    blocks: list[Any] = [conv(3, 16, 3, 1), nn.ReLU()]
    before = 16
    for after in (16, 32, 64):
        for index in range(3):
            blocks.append(Block(before, after, 2 if index == 0 and after > 16 else 1))
            before = after
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def torch_clock() -> Clock:
    import torch

    def start() -> Callable[[], float]:
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        first.record()

        def stop() -> float:
            last.record()
            last.synchronize()
            return first.elapsed_time(last) / 1000

        return stop

    return Clock("device events", start)


def torch_runner(model: Any, x: Any, y: Any, batch: int, mode: str) -> Runner:
    """`mode`: "eager", "compile", or "graph", which captures the whole step."""
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("this PyTorch has no GPU")
    model = model.cuda().to(memory_format=torch.channels_last)
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, foreach=True)
    images = torch.from_numpy(x).cuda().permute(0, 3, 1, 2)
    labels = torch.from_numpy(y).cuda()
    forward = torch.compile(model) if mode == "compile" else model
    chosen = torch.arange(batch, device="cuda")

    def step() -> None:
        optimizer.zero_grad(set_to_none=mode != "graph")
        loss_of(forward(images[chosen].float() / 255), labels[chosen]).backward()
        optimizer.step()

    replay = step
    if mode == "graph":
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        replay = graph.replay

    def epoch() -> int:
        order = torch.randperm(len(labels), device="cuda")
        usable = len(labels) // batch * batch
        for first in range(0, usable, batch):
            chosen.copy_(order[first : first + batch])
            replay()
        return usable

    epoch()
    return Runner(epoch, torch_clock())
