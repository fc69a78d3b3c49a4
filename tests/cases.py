"""The table of cases: each row yields parity tests of an op's forward and backward.

Whoever adds an op adds it to OPS and gives it rows in CASES; tests/ops/test_coverage.py fails until
both are there. A row says how to make the op's inputs; `dy` is drawn by the tests, in the shape of
the reference's output.
"""

import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import reference

Arrays = dict[str, np.ndarray]
Draw = Callable[[tuple[int, ...]], np.ndarray]

BATCHES = (1, 15, 16, 17, 64)  # below, at and above the 16 images of a block, and several blocks


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


def rows(op: str) -> list[Case]:
    return [case for case in CASES if case.op == op]


def _name(value) -> str:
    return "x".join(map(str, reference.pair(value)))


# Convolution -----------------------------------------------------------------------------------


def conv(
    batch, size, channels, kernel, strides=1, padding="valid", use_bias=True, dilation=1, groups=1
) -> Case:
    """A row of conv2d; `channels` is (in, out)."""
    inputs, outputs = channels

    def make(rng, draw):
        arrays = {
            "x": draw((batch, *size, inputs)),
            "kernel": draw((*kernel, inputs // groups, outputs)),
        }
        return arrays | ({"bias": draw((outputs,))} if use_bias else {})

    label = (
        f"{batch}x{_name(size)}x{inputs}-to{outputs}-k{_name(kernel)}-s{_name(strides)}"
        f"-{padding}{'' if use_bias else '-nobias'}".replace(" ", "")
    )
    options = {"strides": strides, "padding": padding}
    if dilation != 1:
        label, options["dilation"] = f"{label}-d{_name(dilation)}", dilation
    if groups != 1:
        label, options["groups"] = f"{label}-g{groups}", groups
    return Case("conv2d", label, make, options)


def depthwise(
    batch, size, channels, kernel, strides=1, padding="valid", use_bias=True, dilation=1
) -> Case:
    """A row of depthwise_conv2d; `channels` is (in, multiplier)."""

    def make(rng, draw):
        arrays = {"x": draw((batch, *size, channels[0])), "kernel": draw((*kernel, *channels))}
        return arrays | ({"bias": draw((channels[0] * channels[1],))} if use_bias else {})

    label = (
        f"{batch}x{_name(size)}x{channels[0]}-m{channels[1]}-k{_name(kernel)}-s{_name(strides)}"
        f"-{padding}-d{_name(dilation)}{'' if use_bias else '-nobias'}".replace(" ", "")
    )
    options = {"strides": strides, "padding": padding, "dilation": dilation}
    return Case("depthwise_conv2d", label, make, options)


def _conv_cases() -> list[Case]:
    turn = 0

    def batch() -> int:
        nonlocal turn
        turn += 1
        return BATCHES[turn % len(BATCHES)]

    cases = [
        conv(batch(), (5, 6), (i, o), (3, 3)) for i in (1, 3, 6, 17) for o in (1, 3, 6, 16, 17, 33)
    ]
    kernels = [(1, 1), (1, 3), (3, 1), (2, 2), (2, 3), (4, 4), (5, 5), (7, 7), (11, 11)]
    for kernel in kernels:
        for padding in ("valid", "same"):
            cases.append(conv(batch(), (12, 11), (3, 6), kernel, padding=padding))
            cases.append(conv(batch(), (13, 15), (1, 5), kernel, padding=padding))
    for strides in (2, 3, (2, 1), (1, 3), (4, 4)):
        for kernel in ((1, 1), (2, 2), (3, 3), (5, 4)):
            for padding in ("valid", "same"):
                cases.append(conv(batch(), (9, 10), (3, 4), kernel, strides, padding))
    explicit = [((1, 1), (1, 1)), ((2, 2), (2, 2)), ((0, 1), (2, 0)), ((3, 0), (0, 2))]
    for padding in [*explicit, ((4, 5), (6, 4))]:  # the last: windows with nothing but padding
        for strides in (1, 2, (3, 2)):
            cases.append(conv(batch(), (6, 7), (3, 17), (3, 3), strides, padding))
    for size in ((1, 1), (3, 3), (5, 2), (1, 7)):  # a kernel as large as the input
        cases.append(conv(batch(), size, (6, 17), size))
        cases.append(conv(batch(), size, (6, 3), size, padding="same"))
    return [
        *cases,
        conv(17, (28, 28), (1, 6), (5, 5), padding=((2, 2), (2, 2))),  # LeNet-5, first
        conv(17, (14, 14), (6, 16), (5, 5)),  # and second
        conv(2, (7, 7), (3, 2), (3, 3), strides=2),  # the lecture's 3x3x2
        conv(1, (40, 3), (3, 6), (3, 3)),
        conv(1, (3, 40), (3, 6), (3, 3), padding="same"),
        conv(1, (33, 35), (17, 33), (3, 3), padding="same"),  # too big for one piece, one image
        conv(2, (3, 3), (1, 1), (7, 7), padding="same"),  # a kernel larger than the input
        conv(15, (6, 5), (3, 6), (3, 2), use_bias=False),
        conv(16, (8, 8), (17, 16), (3, 3), 2, "same", use_bias=False),
    ]


ASYMMETRIC = ((0, 1), (2, 0))


def _sparse_conv_cases() -> list[Case]:
    """Dilation and groups."""
    turn = iter(range(1000))

    def batch() -> int:
        return BATCHES[next(turn) % len(BATCHES)]

    cases = []
    for dilation in (2, 3, (1, 2), (3, 1)):
        for kernel in ((3, 3), (1, 2), (2, 1), (4, 3)):
            for padding in ("valid", "same", ASYMMETRIC):
                size, channels = (11, 12), (3, 6)
                cases.append(conv(batch(), size, channels, kernel, 1, padding, dilation=dilation))
    for groups, channels in ((2, (2, 4)), (2, (6, 34)), (3, (6, 3)), (3, (9, 15)), (6, (6, 18))):
        for strides, padding in ((1, "same"), (2, "valid"), ((1, 3), "same"), (1, ASYMMETRIC)):
            cases.append(conv(batch(), (7, 8), channels, (3, 2), strides, padding, groups=groups))
    return [
        *cases,
        conv(17, (8, 9), (6, 9), (3, 3), 1, "same", dilation=2, groups=3),
        conv(15, (9, 8), (8, 8), (2, 3), 1, ASYMMETRIC, dilation=(3, 2), groups=4),
        conv(16, (9, 9), (5, 10), (3, 3), 1, "same", dilation=2, groups=5, use_bias=False),
        conv(2, (3, 4), (2, 2), (3, 3), 1, "same", dilation=3),  # taps that see padding alone
        conv(1, (5, 5), (1, 2), (3, 3), dilation=2),  # an extent as large as the input
        conv(1, (13, 13), (4, 2), (3, 3), 1, ((6, 6), (6, 6)), dilation=6, groups=2),
        conv(1, (1, 1), (4, 4), (1, 1), dilation=5, groups=2),  # one tap has no gaps
        conv(3, (6, 5), (3, 3), (1, 1), 2, groups=3),
    ]


def _depthwise_cases() -> list[Case]:
    turn = iter(range(1000))

    def batch() -> int:
        return BATCHES[next(turn) % len(BATCHES)]

    cases = []
    for channels in ((1, 1), (1, 3), (3, 1), (6, 2), (17, 1), (5, 3)):
        for kernel in ((1, 1), (3, 3), (2, 5), (7, 4)):
            cases.append(depthwise(batch(), (8, 9), channels, kernel))
            cases.append(depthwise(batch(), (7, 14), channels, kernel, padding="same"))
    for strides in (2, (1, 3), (3, 2), (4, 4)):
        for kernel in ((1, 1), (3, 3), (2, 4)):
            for padding in ("valid", "same", ASYMMETRIC):
                cases.append(depthwise(batch(), (9, 10), (3, 2), kernel, strides, padding))
    for dilation in (2, 3, (1, 2), (3, 1)):
        for padding in ("valid", "same", ASYMMETRIC):
            cases.append(
                depthwise(batch(), (11, 12), (3, 2), (3, 4), 1, padding, dilation=dilation)
            )
    return [
        *cases,
        depthwise(1, (1, 1), (1, 1), (1, 1)),
        depthwise(2, (3, 3), (2, 2), (7, 7), padding="same"),  # a kernel larger than the input
        depthwise(2, (2, 3), (3, 1), (3, 3), 1, "same", dilation=4),  # taps that see padding alone
        depthwise(3, (6, 7), (3, 2), (3, 3), 1, ((4, 5), (6, 4))),  # windows of nothing but padding
        depthwise(15, (14, 14), (33, 1), (3, 3), 2, "same", use_bias=False),  # MobileNet's
    ]


# Pooling ---------------------------------------------------------------------------------------


def pool(op, batch, shape, pool_size=2, strides=None, padding="valid") -> Case:
    """A row of max_pool2d or avg_pool2d; small integers give the maximum many ties."""
    options = {"pool_size": pool_size, "strides": strides, "padding": padding}
    counts = reference.pool_counts((1, *shape), **options).astype(int)
    halved = bool(np.all(counts & (counts - 1) == 0))  # dividing by a power of two is exact
    label = (
        f"{batch}x{'x'.join(map(str, shape))}-w{_name(pool_size)}"
        f"-s{_name(pool_size if strides is None else strides)}-{padding}".replace(" ", "")
    )
    return Case(
        op,
        label,
        lambda rng, draw: {"x": draw((batch, *shape))},
        options,
        exact=halved or op == "max_pool2d",
    )


def _pool_cases(op: str) -> list[Case]:
    windows = [
        (2, None),
        (3, None),
        (1, None),
        (1, 2),  # stride larger than the window: some pixels are never seen
        (2, 1),
        (3, 1),
        (3, 2),  # AlexNet's overlapping windows
        (2, 3),
        ((2, 3), None),
        ((3, 2), (1, 2)),
        ((1, 4), (2, 1)),
        (5, 2),
    ]
    shapes = [(5, 5, 1), (7, 6, 3), (9, 8, 6), (6, 11, 17)]
    cases = [
        pool(op, BATCHES[(i + j) % 5], shape, size, strides, padding)
        for i, (size, strides) in enumerate(windows)
        for j, shape in enumerate(shapes)
        for padding in ("valid", "same")
    ]
    return [
        *cases,
        pool(op, 17, (28, 28, 6)),
        pool(op, 64, (10, 10, 16)),
        pool(op, 3, (7, 7, 33), 7, 1),  # global pooling
        pool(op, 2, (2, 3, 3), 5, 1, "same"),  # a window larger than the image
        pool(op, 1, (1, 1, 1), 1),
        pool(op, 1, (31, 33, 17), 3, 2, "same"),
        pool(op, 15, (5, 6, 3), 3, 2, ((1, 1), (1, 1))),  # GoogLeNet's
        pool(op, 17, (4, 5, 6), (2, 3), 1, ((0, 1), (2, 0))),
        pool(op, 16, (2, 2, 1), 4, 3, ((3, 2), (1, 3))),
    ]


def global_pool(op, batch, shape, keepdims=False) -> Case:
    places = shape[0] * shape[1]
    label = f"{batch}x{'x'.join(map(str, shape))}{'-keepdims' if keepdims else ''}"
    return Case(
        op,
        label,
        lambda rng, draw: {"x": draw((batch, *shape))},
        {"keepdims": keepdims},
        exact=places & (places - 1) == 0 or op == "global_max_pool2d",
    )


def _global_pool_cases(op: str) -> list[Case]:
    shapes = [(1, 1, 1), (2, 2, 3), (7, 7, 17), (4, 8, 33), (5, 3, 8), (16, 16, 24), (1, 9, 25)]
    return [
        global_pool(op, (*BATCHES, 33)[i % 6], shape, keepdims)
        for i, shape in enumerate(shapes)
        for keepdims in (False, True)
    ]


# Shape -----------------------------------------------------------------------------------------


def zero_pad(batch, shape, padding) -> Case:
    label = f"{batch}x{'x'.join(map(str, shape))}-{padding}".replace(" ", "")
    make = lambda rng, draw: {"x": draw((batch, *shape))}  # noqa: E731
    return Case("zero_pad2d", label, make, {"padding": padding})


def moved(op, sizes, **options) -> Case:
    """A row of reshape or permute; `sizes` with the batch."""
    label = "-".join("x".join(map(str, each)) for each in (sizes, *options.values()))
    return Case(op, label, lambda rng, draw: {"x": draw(sizes)}, options)


def _shape_cases() -> list[Case]:
    pads = [0, 1, (2, 0), (0, 3), ((1, 0), (0, 2)), ((0, 4), (3, 1))]
    cases = [
        zero_pad((*BATCHES, 33)[(i + j) % 6], shape, padding)
        for i, padding in enumerate(pads)
        for j, shape in enumerate([(1, 1, 1), (3, 4, 3), (5, 2, 17)])
    ]
    cases += [
        moved("reshape", (1, 6), shape=(2, 3)),
        moved("reshape", (15, 12), shape=(-1, 2, 3)),
        moved("reshape", (16, 4, 5, 3), shape=(10, -1)),
        moved("reshape", (17, 784), shape=(28, 28, 1)),
        moved("reshape", (33, 2, 3, 4), shape=(24,)),
        moved("reshape", (64, 3, 4), shape=(1, 2, 2, 3, 1)),
    ]
    return [
        *cases,
        moved("permute", (1, 5), dims=(1,)),
        moved("permute", (15, 3, 4), dims=(2, 1)),
        *(
            moved("permute", (batch, 4, 5, 3), dims=dims)
            for batch, dims in zip((*BATCHES, 33), itertools.permutations((1, 2, 3)), strict=True)
        ),
        moved("permute", (17, 2, 3, 4, 5), dims=(4, 2, 1, 3)),
        moved("permute", (3, 2, 1, 3, 2, 2), dims=(3, 5, 1, 2, 4)),
    ]


# Several inputs and batch normalization --------------------------------------------------------


def add(shape) -> Case:
    make = lambda rng, draw: {"a": draw(shape), "b": draw(shape)}  # noqa: E731
    return Case("add", "x".join(map(str, shape)), make)


def concatenate(shape, lengths, axis=-1) -> Case:
    """`lengths` of the arrays along `axis`; their other sizes are those of `shape`."""

    def make(rng, draw):
        arrays = {}
        for name, length in zip("abc", lengths, strict=False):
            sizes = list(shape)
            sizes[axis] = length
            arrays[name] = draw(tuple(sizes))
        return arrays

    label = f"{'x'.join(map(str, shape))}-{'and'.join(map(str, lengths))}-axis{axis}"
    return Case("concatenate", label, make, {"axis": axis})


def _merge_cases() -> list[Case]:
    return [
        *(add(shape) for shape in [*SHAPES, (33, 5, 5, 3)]),
        concatenate((1, 1), (2, 3)),
        concatenate((15, 4, 3, 1), (3, 1, 17)),
        concatenate((16, 4, 3, 5), (2, 3, 1), axis=2),
        concatenate((17, 4, 3, 5), (1, 4), axis=1),
        concatenate((33, 4, 3, 5), (1, 4), axis=-3),
        concatenate((64, 3, 2), (6, 2, 1), axis=2),
        concatenate((64, 3, 2), (2, 2), axis=1),
        concatenate((17, 2, 3, 2, 5), (1, 2), axis=1),  # rank 5: the first axis
        concatenate((3, 2, 3, 2, 5), (1, 2), axis=3),
        concatenate((2, 7, 7, 1), (64, 128, 32)),  # GoogLeNet's kind
    ]


def batch_norm(shape, training, gamma=True, beta=True, offset=0.0, **options) -> Case:
    """A row of batch normalization; `offset` moves x away from 0, where rounding shows."""

    def make(rng, draw):
        channels = shape[-1:]
        arrays = {"x": draw(shape) + np.float32(offset)}
        if gamma:
            arrays["gamma"] = draw(channels)
        if beta:
            arrays["beta"] = draw(channels)
        if not training:
            arrays["mean"] = draw(channels) + np.float32(offset)
            arrays["variance"] = rng.uniform(0.1, 3.0, channels).astype(np.float32)
        return arrays

    label = "x".join(map(str, shape)) + ("" if gamma else "-nogamma") + ("" if beta else "-nobeta")
    label += f"-from{offset:g}" if offset else ""
    label += "".join(f"-{name}{value:g}" for name, value in options.items())
    op = "batch_normalization_training" if training else "batch_normalization"
    return Case(op, label, make, options, exact=False)


def _batch_norm_cases() -> list[Case]:
    shapes = [(1, 4), (15, 3), (16, 17), (17, 4, 5, 6), (33, 3, 3, 16), (64, 2, 2, 33)]
    shapes += [(3, 7, 6, 65), (1, 5, 5, 1), (2, 4, 3, 5), (48, 1, 1, 7), (5, 2, 3, 2, 4)]
    return [
        *(batch_norm(shape, training) for shape in shapes for training in (False, True)),
        *(batch_norm((17, 4, 4, 3), t, offset=30.0) for t in (False, True)),
        *(batch_norm((17, 4, 4, 3), t, epsilon=0.5) for t in (False, True)),
        *(batch_norm((15, 3, 2, 9), t, gamma=False) for t in (False, True)),
        *(batch_norm((15, 3, 2, 9), t, beta=False) for t in (False, True)),
        *(batch_norm((31, 9), t, gamma=False, beta=False) for t in (False, True)),
    ]


# Dense and activations ------------------------------------------------------------------


def dense(batch, features, units, use_bias=True) -> Case:
    def make(rng, draw):
        arrays = {"x": draw((batch, features)), "kernel": draw((features, units))}
        return arrays | ({"bias": draw((units,))} if use_bias else {})

    label = f"{batch}x{features}-to{units}{'' if use_bias else '-nobias'}"
    return Case("dense", label, make)


def _dense_cases() -> list[Case]:
    sizes = [(1, 1), (1, 10), (3, 33), (17, 1), (17, 17), (16, 16), (84, 10), (120, 84), (400, 120)]
    return [
        *(dense(batch, *size) for batch in BATCHES for size in sizes),
        dense(15, 33, 31, use_bias=False),
        dense(100, 784, 10, use_bias=False),  # the lecture's one-layer network
    ]


SHAPES = [(1, 1), (15, 10), (16, 17), (17, 3, 5, 6), (64, 2, 3, 1), (3, 7, 4, 17), (1, 1000)]


def unary(op, shape, factor=1.0, exact=True, **options) -> Case:
    label = "x".join(map(str, shape)) + ("" if factor == 1.0 else f"-times{factor:g}")
    label += "".join(f"-{name}{value:g}" for name, value in options.items())
    scale = np.float32(factor)
    return Case(op, label, lambda rng, draw: {"x": draw(shape) * scale}, options, exact)


def _unary_cases() -> list[Case]:
    cases = [unary(op, shape) for op in ("relu", "flatten") for shape in SHAPES]
    for op in ("sigmoid", "tanh", "softmax"):  # far out, too: an overflow of exp would show
        cases += [unary(op, shape, exact=False) for shape in SHAPES]
        cases += [unary(op, (17, 12), factor, exact=False) for factor in (1e-4, 30.0, 1000.0)]
    for options in ({}, {"negative_slope": 0.5}, {"negative_slope": 0.0}, {"negative_slope": 2.0}):
        exact = bool(options)  # the default, 0.2, is no binary fraction
        cases += [unary("leaky_relu", shape, exact=exact, **options) for shape in SHAPES]
    for op, choices in (
        ("elu", ({}, {"alpha": 0.3}, {"alpha": 0.0}, {"alpha": 2.0})),
        ("gelu", ({}, {"approximate": True})),
    ):
        for options in choices:
            cases += [unary(op, shape, exact=False, **options) for shape in SHAPES]
            cases += [
                unary(op, (17, 12), factor, exact=False, **options)
                for factor in (1e-4, 3.0, 30.0, 1000.0)
            ]
    cases += [unary("rescale", shape, scale=0.5, offset=-2.0) for shape in SHAPES]
    cases += [unary("rescale", (16, 4, 4, 3), exact=False, scale=1 / 255, offset=0.1)]
    return [*cases, unary("rescale", (2, 5), scale=3.0)]


# Normalization and regularization --------------------------------------------------------------


def _local_response_cases() -> list[Case]:
    op = "local_response_norm"
    strong = {"alpha": 0.5, "beta": 0.75}  # the defaults leave numbers near 1 almost alone
    cases = [unary(op, shape, exact=False, **strong) for shape in SHAPES]
    cases += [unary(op, (16, 3, 3, 17), 100.0, exact=False)]  # AlexNet's, on large activations
    for n in (1, 2, 3, 4, 7, 40):  # 40: more than there are channels
        cases.append(unary(op, (15, 2, 3, 9), exact=False, n=n, **strong))
    cases += [unary(op, (2, 2, 3), 1e-4, exact=False, k=1e-3, **strong)]
    for beta in (0.5, 1.0, -1.0, 3.0):
        cases.append(unary(op, (3, 5, 6), exact=False, k=1.0, alpha=0.25, beta=beta))
    return cases


def _dropout_cases() -> list[Case]:
    cases = [unary("dropout", shape, rate=0.5) for shape in SHAPES]
    for rate in (0.0, 0.25, 0.1, 0.9, 0.999):
        exact = rate in (0.0, 0.5)
        cases += [unary("dropout", (17, 3, 7), exact=exact, rate=rate, seed=3)]
        cases += [unary("dropout", (64, 33), exact=exact, rate=rate, seed=2**64 - 1)]
    return cases


# Losses and optimizers --------------------------------------------------------------------------


def _probabilities(rng, shape) -> np.ndarray:
    """Positive rows that sum to about one, not exactly."""
    p = rng.uniform(0.05, 1.0, shape)
    return (p / p.sum(axis=1, keepdims=True) * rng.uniform(0.9, 1.1)).astype(np.float32)


def classification(op, batch, classes, kind, factor=1.0) -> Case:
    """A row of a cross-entropy; `kind` of labels: "int", "onehot" or "soft"."""

    def make(rng, draw):
        if op == "cross_entropy":
            arrays = {"probabilities": _probabilities(rng, (batch, classes))}
        else:
            arrays = {"logits": draw((batch, classes)) * np.float32(factor)}
        labels = rng.integers(0, classes, batch)
        if kind == "int":
            return arrays | {"labels": labels}
        soft = kind == "soft"
        rows = _probabilities(rng, (batch, classes)) if soft else np.eye(classes)[labels]
        return arrays | {"labels": rows.astype(np.float32)}

    label = f"{batch}x{classes}-{kind}" + ("" if factor == 1.0 else f"-times{factor:g}")
    return Case(op, label, make, exact=False)


def mse(shape) -> Case:
    size = int(np.prod(shape))
    return Case(
        "mean_squared_error",
        "x".join(map(str, shape)),
        lambda rng, draw: {"y_pred": draw(shape), "y_true": draw(shape)},
        exact=size & (size - 1) == 0,
    )


def _loss_cases() -> list[Case]:
    cases = [
        classification(op, batch, classes, kind)
        for op in ("softmax_cross_entropy", "cross_entropy")
        for kind in ("int", "onehot", "soft")
        for batch, classes in zip(BATCHES, (10, 3, 2, 17, 26), strict=True)
    ]
    far = [classification("softmax_cross_entropy", 17, 10, "int", f) for f in (100.0, 1e4)]
    wide = [classification("softmax_cross_entropy", 3, 1000, "int")]
    return [
        *cases,
        *far,
        *wide,
        *(mse(shape) for shape in [*SHAPES[1:3], (1, 1), (16, 8), (64, 3)]),
    ]


def sgd(shape, exact=False, velocity=True, **options) -> Case:
    def make(rng, draw):
        arrays = {"parameter": draw(shape), "gradient": draw(shape)}
        return arrays | ({"velocity": draw(shape)} if velocity else {})

    label = "x".join(map(str, shape)) + "".join(f"-{k}{v:g}" for k, v in options.items())
    return Case("sgd", label + ("" if velocity else "-start"), make, options, exact)


def _sgd_cases() -> list[Case]:
    return [
        sgd((7,), exact=True, velocity=False, learning_rate=0.5),
        sgd((3, 3, 6, 17), exact=True, learning_rate=0.5, momentum=0.5),
        sgd((5, 4), exact=True, learning_rate=0.25, momentum=0.5, nesterov=True),
        sgd((33,), exact=True, learning_rate=0.5, momentum=0.75, weight_decay=0.25),
        sgd((16,), velocity=False),
        sgd((1,), learning_rate=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        sgd((100, 37), learning_rate=0.1, momentum=0.9),
    ]


def adaptive(op, shape, arrays=0, **options) -> Case:
    """A row of adam or rmsprop; `arrays` of state, 0 for the first step.

    A mean square that has seen gradients is no smaller than the square of the mean, and rounding
    must not decide between them: see the bound.
    """

    def make(rng, draw):
        drawn = {"parameter": draw(shape), "gradient": draw(shape)}
        if arrays == 0:
            return drawn
        state = np.stack([draw(shape) for _ in range(arrays)])
        squares = slice(1, None) if op == "adam" else slice(0, 1)
        state[squares] = state[squares] ** 2 + 1.5
        if op == "rmsprop":
            state[1:] *= 0.25
        return drawn | {"state": state}

    label = "x".join(map(str, shape)) + "".join(f"-{k}{v:g}" for k, v in options.items())
    return Case(op, label + ("" if arrays else "-start"), make, options, exact=False)


def _adaptive_cases() -> list[Case]:
    return [
        adaptive("adam", (7,)),
        adaptive("adam", (3, 3, 6, 17), 2, step=5),
        adaptive("adam", (33,), 2, step=1000, learning_rate=0.05, weight_decay=0.004),
        adaptive("adam", (5, 4), 3, step=17, amsgrad=True),
        adaptive("adam", (16,), 2, step=2, beta_1=0.5, beta_2=0.75, epsilon=0.1),
        adaptive("rmsprop", (7,)),
        adaptive("rmsprop", (3, 3, 6, 17), 1),
        adaptive("rmsprop", (33,), 2, momentum=0.9, learning_rate=0.05),
        adaptive("rmsprop", (5, 4), 2, centered=True, weight_decay=0.01),
        adaptive("rmsprop", (16,), 3, centered=True, momentum=0.5, rho=0.75, epsilon=0.01),
    ]


CASES = [
    *_conv_cases(),
    *_sparse_conv_cases(),
    *_depthwise_cases(),
    *_pool_cases("max_pool2d"),
    *_pool_cases("avg_pool2d"),
    *_global_pool_cases("global_avg_pool2d"),
    *_global_pool_cases("global_max_pool2d"),
    *_dense_cases(),
    *_shape_cases(),
    *_merge_cases(),
    *_batch_norm_cases(),
    *_unary_cases(),
    *_local_response_cases(),
    *_dropout_cases(),
    *_loss_cases(),
    *_sgd_cases(),
    *_adaptive_cases(),
]
