"""What is measured: networks, single ops, and their sizes."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

import pycnn
from pycnn import layers, models

Kind = Literal["train", "predict", "latency", "evaluate"]
Pass = Literal["forward", "backward_input", "backward_params"]
PASSES: tuple[Pass, ...] = ("forward", "backward_input", "backward_params")


@dataclass(frozen=True)
class NetworkCase:
    """`kind` of work on a network; a unit is a step, a batch, an image or a data set."""

    model: str
    kind: Kind
    batch: int
    isa: str | None = None  # instruction set of pycnn; None: the widest
    threads: int | None = None  # None: as the suite is told

    @property
    def name(self) -> str:
        extra = f" {self.isa}" if self.isa else ""
        extra += f" {self.threads} thread" if self.threads else ""
        return f"{self.model} {self.kind} b{self.batch}{extra}"

    def images(self, quick: bool) -> int:
        """In the data set."""
        if self.kind == "evaluate":
            return 200 if quick else 10_000
        most = {"vgg16": 2 * self.batch, "resnet20": 4 * self.batch}.get(self.model, 8192)
        return max(min(most, 4 * self.batch) if quick else most, self.batch)

    @property
    def rate(self) -> float:
        return {"vgg16": 1e-4, "resnet20": 1e-2}.get(self.model, 1e-2)


@dataclass(frozen=True)
class OpCase:
    """One pass of one layer."""

    net: str  # where the shape comes from
    layer: Literal["conv", "max_pool", "dense"]
    batch: int
    shape: tuple[int, ...]  # of the input image
    outputs: int  # filters or units
    kernel: int = 0  # or window
    stride: int = 1
    padding: str = "same"
    direction: Pass = "forward"

    @property
    def name(self) -> str:
        size = "x".join(map(str, self.shape))
        how = {"conv": f" {self.kernel}x{self.kernel}", "max_pool": f" {self.kernel}x{self.kernel}"}
        to = "" if self.layer == "max_pool" else f" to {self.outputs}"
        stride = f" stride {self.stride}" if self.layer == "conv" and self.stride > 1 else ""
        what = f"{self.layer}{how.get(self.layer, '')} {size}{to}{stride}"
        return f"{self.net} {what} {self.direction} b{self.batch}"


_BUILDERS = {
    "softmax": models.softmax_mnist,
    "mlp": models.mlp_mnist,
    "lenet5": models.lenet5,
    "cnn": models.cnn_mnist,
    "resnet20": models.resnet20,
    "vgg16": models.vgg16,
}


def build(model: str, quick: bool) -> pycnn.Model:
    """A zoo network with the same initial weights in every process."""
    pycnn.set_random_seed(1)
    if model == "vgg16" and quick:
        return models.vgg11((32, 32, 3), 10)
    return _BUILDERS[model]()


def build_op(case: OpCase) -> pycnn.Sequential:
    """The network that is one layer."""
    pycnn.set_random_seed(1)
    layer: layers.Layer
    if case.layer == "conv":
        # ResNet pads by hand: its odd row is not where "same" has it.
        pads = case.kernel // 2 if case.net == "resnet20" else case.padding
        layer = layers.Conv2D(case.outputs, case.kernel, strides=case.stride, padding=pads)
    elif case.layer == "max_pool":
        layer = layers.MaxPooling2D(case.kernel, strides=case.stride)
    else:
        layer = layers.Dense(case.outputs)
    return pycnn.Sequential([pycnn.Input(case.shape), layer])


def data(case: NetworkCase, quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels, the same in every process; uint8 digits, or floats for colour nets."""
    count = case.images(quick)
    if case.model in ("resnet20", "vgg16"):
        size, classes = (224, 1000) if case.model == "vgg16" and not quick else (32, 10)
        random = np.random.default_rng(5)
        x = random.standard_normal((count, size, size, 3), dtype=np.float32)
        return x, random.integers(0, classes, count)
    x, y = pycnn.datasets.synthetic_digits(count, seed=1)
    return (x if case.model in ("softmax", "mlp") else x[..., None]), y.astype(np.int64)


def network_cases() -> list[NetworkCase]:
    sizes = [("softmax", 100), ("mlp", 100)]
    sizes += [("lenet5", b) for b in (1, 32, 64, 128, 512)]
    sizes += [("cnn", 100), ("resnet20", 128), ("vgg16", 4)]
    cases = []
    for model, batch in sizes:
        cases.append(NetworkCase(model, "train", batch))
        if batch > 1:  # one image is the latency
            cases.append(NetworkCase(model, "predict", batch))
    cases += [NetworkCase(model, "latency", 1) for model in _BUILDERS]
    cases += [NetworkCase("lenet5", "evaluate", 1000), NetworkCase("lenet5", "evaluate", 128)]
    if "avx2" in pycnn._core.available_cpu_isas():
        cases.append(NetworkCase("lenet5", "train", 64, isa="avx2", threads=1))
    return cases


def _conv_shapes() -> list[OpCase]:
    lenet = [
        OpCase("lenet5", "conv", 64, (28, 28, 1), 6, 5),
        OpCase("lenet5", "conv", 64, (14, 14, 6), 16, 5, padding="valid"),
    ]
    cnn = [
        OpCase("cnn", "conv", 100, (28, 28, 1), 32, 5),
        OpCase("cnn", "conv", 100, (14, 14, 32), 64, 5),
    ]
    resnet = [
        OpCase("resnet20", "conv", 128, (n, n, i), o, k, s)
        for n, i, o, k, s in [
            (32, 3, 16, 3, 1),
            (32, 16, 16, 3, 1),
            (32, 16, 32, 3, 2),
            (32, 16, 32, 1, 2),
            (16, 32, 32, 3, 1),
            (16, 32, 64, 3, 2),
            (16, 32, 64, 1, 2),
            (8, 64, 64, 3, 1),
        ]
    ]
    vgg = [
        OpCase("vgg16", "conv", 4, (n, n, i), o, 3)
        for n, i, o in [
            (224, 3, 64),
            (224, 64, 64),
            (112, 64, 128),
            (112, 128, 128),
            (56, 128, 256),
            (56, 256, 256),
            (28, 256, 512),
            (28, 512, 512),
            (14, 512, 512),
        ]
    ]
    return lenet + cnn + resnet + vgg


def _other_shapes() -> list[OpCase]:
    pools = [
        OpCase(net, "max_pool", batch, shape, shape[-1], 2, 2, "valid")
        for net, batch, shape in [
            ("lenet5", 64, (28, 28, 6)),
            ("lenet5", 64, (10, 10, 16)),
            ("cnn", 100, (28, 28, 32)),
            ("cnn", 100, (14, 14, 64)),
            ("vgg16", 4, (224, 224, 64)),
            ("vgg16", 4, (28, 28, 512)),
        ]
    ]
    dense = [
        OpCase(net, "dense", batch, (inputs,), outputs)
        for net, batch, inputs, outputs in [
            ("softmax", 100, 784, 10),
            ("mlp", 100, 784, 128),
            ("lenet5", 64, 400, 120),
            ("lenet5", 64, 120, 84),
            ("cnn", 100, 3136, 1024),
            ("vgg16", 4, 25088, 4096),
            ("vgg16", 4, 4096, 4096),
        ]
    ]
    return pools + dense


def op_cases(quick: bool) -> list[OpCase]:
    cases = []
    for case in _conv_shapes() + _other_shapes():
        small = _shrunk(case) if quick else case
        for direction in PASSES:
            if case.layer == "max_pool" and direction == "backward_params":
                continue
            cases.append(replace(small, direction=direction))
    return list(dict.fromkeys(cases))


def _shrunk(case: OpCase) -> OpCase:
    *size, channels = case.shape
    shape = (*(min(n, 12) for n in size), min(channels, 64))
    outputs = min(case.outputs, 64)
    return replace(case, shape=shape, outputs=outputs, batch=min(case.batch, 16))
