"""What a row of the table is."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import reference

Arrays = dict[str, np.ndarray]
Draw = Callable[[tuple[int, ...]], np.ndarray]
BATCHES = (1, 15, 16, 17, 64)  # below, at and above the 16 images of a block, and several blocks
SHAPES = [(1, 1), (15, 10), (16, 17), (17, 3, 5, 6), (64, 2, 3, 1), (3, 7, 4, 17), (1, 1000)]


@dataclass(frozen=True)
class Op:
    """An op of `pycnn.ops` and `reference`; its header is csrc/ops/<header>.h."""

    header: str
    inputs: tuple[str, ...]
    backward_inputs: tuple[str, ...] | None  # None: the op has no backward
    as_list: bool = False  # whether the op takes its inputs (but dy) as one list

    def arguments(self, arrays: Arrays, names: tuple[str, ...]) -> list[np.ndarray | None]:
        """The arrays of these names; for one that the row leaves out None, or in a list nothing."""
        return [arrays.get(name) for name in names if name in arrays or not self.as_list]


OPS = {
    "conv2d": Op("conv2d", ("x", "kernel", "bias"), ("dy", "x", "kernel")),
    "depthwise_conv2d": Op("depthwise_conv2d", ("x", "kernel", "bias"), ("dy", "x", "kernel")),
    "max_pool2d": Op("max_pool2d", ("x",), ("dy", "x")),
    "avg_pool2d": Op("avg_pool2d", ("x",), ("dy", "x")),
    "global_avg_pool2d": Op("global_avg_pool2d", ("x",), ("dy", "x")),
    "global_max_pool2d": Op("global_max_pool2d", ("x",), ("dy", "x")),
    "dense": Op("dense", ("x", "kernel", "bias"), ("dy", "x", "kernel")),
    "relu": Op("relu", ("x",), ("dy", "x")),
    "sigmoid": Op("sigmoid", ("x",), ("dy", "x")),
    "tanh": Op("tanh", ("x",), ("dy", "x")),
    "softmax": Op("softmax", ("x",), ("dy", "x")),
    "leaky_relu": Op("leaky_relu", ("x",), ("dy", "x")),
    "elu": Op("elu", ("x",), ("dy", "x")),
    "gelu": Op("gelu", ("x",), ("dy", "x")),
    "local_response_norm": Op("local_response_norm", ("x",), ("dy", "x")),
    "dropout": Op("dropout", ("x",), ("dy", "x")),
    "augment": Op("augment", ("x",), ("dy", "x")),
    "flatten": Op("flatten", ("x",), ("dy", "x")),
    "rescale": Op("rescale", ("x",), ("dy", "x")),
    "zero_pad2d": Op("zero_pad2d", ("x",), ("dy", "x")),
    "reshape": Op("reshape", ("x",), ("dy", "x")),
    "permute": Op("permute", ("x",), ("dy", "x")),
    "add": Op("add", ("a", "b"), ("dy", "a", "b")),
    "concatenate": Op("concat", ("a", "b", "c"), ("dy", "a", "b", "c"), as_list=True),
    "batch_normalization": Op(
        "batch_norm",
        ("x", "gamma", "beta", "mean", "variance"),
        ("dy", "x", "gamma", "mean", "variance"),
    ),
    "batch_normalization_training": Op("batch_norm", ("x", "gamma", "beta"), ("dy", "x", "gamma")),
    "softmax_cross_entropy": Op("loss", ("logits", "labels"), ("logits", "labels")),
    "cross_entropy": Op("loss", ("probabilities", "labels"), ("probabilities", "labels")),
    "mean_squared_error": Op("loss", ("y_pred", "y_true"), ("y_pred", "y_true")),
    "sgd": Op("sgd", ("parameter", "gradient", "velocity"), None),
    "adam": Op("adam", ("parameter", "gradient", "state"), None),
    "rmsprop": Op("rmsprop", ("parameter", "gradient", "state"), None),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One row. `exact`: on small integers float32 makes no rounding error, so results are equal."""

    op: str
    label: str
    make: Callable[[np.random.Generator, Draw], Arrays]
    options: dict = field(default_factory=dict)
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.op}-{self.label}"

    def arrays(self, integers: bool) -> Arrays:
        """The op's inputs, always the same: small integers, or numbers from a normal law."""
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        arrays = self.make(rng, integers_from(rng) if integers else floats_from(rng))
        if OPS[self.op].backward_inputs is not None and "dy" in OPS[self.op].backward_inputs:
            y = self.forward(arrays, reference)
            arrays["dy"] = (integers_from(rng) if integers else floats_from(rng))(y.shape)
        return arrays

    def forward(self, arrays: Arrays, module):
        """The op of `module` (`reference` or `pycnn.ops`) on the row's inputs."""
        op = OPS[self.op]
        values = op.arguments(arrays, op.inputs)
        return getattr(module, self.op)(*([values] if op.as_list else values), **self.options)

    def backward(self, arrays: Arrays, module):
        op = OPS[self.op]
        values = op.arguments(arrays, op.backward_inputs)
        if op.as_list:
            values = [values[0], values[1:]]
        return getattr(module, f"{self.op}_backward")(*values, **self.options)


def integers_from(rng: np.random.Generator) -> Draw:
    return lambda shape: rng.integers(-3, 4, shape).astype(np.float32)


def floats_from(rng: np.random.Generator) -> Draw:
    return lambda shape: rng.standard_normal(shape).astype(np.float32)


def name_of(value) -> str:
    return "x".join(map(str, reference.pair(value)))
