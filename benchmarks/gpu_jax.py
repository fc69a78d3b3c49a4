"""The networks of `gpu.py` in JAX: an epoch is one call, a scan over its batches."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gpu_nets import MOMENTUM, RATE, Clock, Net, Runner
from jax import lax

#: As PyTorch's and pycnn's ResNet: how much of the old statistics stays, and what keeps a variance
#: from 0.
KEEP, EPSILON = 0.9, 1e-5


@dataclass(frozen=True)
class Model:
    """`forward(parameters, statistics, images)` gives scores, and statistics of what it has seen.

    Statistics are batch normalization's; an empty dict without.
    """

    parameters: Any
    statistics: dict[str, Any]
    forward: Callable[[Any, dict[str, Any], Any], tuple[Any, dict[str, Any]]]


class _Draw:
    """Initial weights: normal, by the number of inputs, and biases of 0."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)

    def kernel(self, *shape: int) -> Any:
        deviation = (2 / np.prod(shape[:-1])) ** 0.5
        return jnp.asarray(self._random.normal(0, deviation, shape), jnp.float32)

    def layer(self, *shape: int) -> tuple[Any, Any]:
        return self.kernel(*shape), jnp.zeros(shape[-1])


def _conv(v: Any, kernel: Any, stride: int, padding: Any) -> Any:
    return lax.conv_general_dilated(
        v, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


# ---- a chain


def chain(net: Net) -> Model:
    draw = _Draw()
    parameters: list[tuple[Any, Any]] = []
    height, channels = net.image[0], net.image[2]
    for feature in net.features:
        if isinstance(feature, str):
            height //= 2
            continue
        filters, kernel, padding = feature
        parameters.append(draw.layer(kernel, kernel, channels, filters))
        height -= 0 if padding == "same" else kernel - 1
        channels = filters
    width = channels * height * height
    for units in [*net.units, net.classes]:
        parameters.append(draw.layer(width, units))
        width = units

    def forward(parameters: Any, statistics: dict[str, Any], v: Any) -> tuple[Any, dict[str, Any]]:
        rest = iter(parameters)
        for feature in net.features:
            if isinstance(feature, str):
                v = lax.reduce_window(v, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
                continue
            w, b = next(rest)
            v = jax.nn.relu(_conv(v, w, 1, feature[2].upper()) + b)
        v = v.reshape(len(v), -1)
        for w, b in list(rest)[:-1]:
            v = jax.nn.relu(v @ w + b)
        w, b = parameters[-1]
        return v @ w + b, statistics

    return Model(parameters, {}, forward)


# ---- ResNet-20


def _resnet20_convs() -> dict[str, tuple[int, int, int, int]]:
    """By name, in order: kernel, inputs, outputs, stride."""
    convs = {"stem": (3, 3, 16, 1)}
    before = 16
    for stage, after in enumerate((16, 32, 64), 1):
        for number in range(1, 4):
            stride = 2 if stage > 1 and number == 1 else 1
            block = f"stage{stage}_block{number}"
            convs[f"{block}_1"] = (3, before, after, stride)
            convs[f"{block}_2"] = (3, after, after, 1)
            if before != after:
                convs[f"{block}_shortcut"] = (1, before, after, stride)
            before = after
    return convs


def resnet20() -> Model:
    """Names of convolutions with their normalizations as in `pycnn.models.resnet20`."""
    draw, convs = _Draw(), _resnet20_convs()
    parameters: dict[str, Any] = {
        name: (draw.kernel(size, size, inputs, outputs), jnp.ones(outputs), jnp.zeros(outputs))
        for name, (size, inputs, outputs, _) in convs.items()
    }
    parameters["predictions"] = draw.layer(64, 10)
    statistics = {name: (jnp.zeros(c[2]), jnp.ones(c[2])) for name, c in convs.items()}

    def forward(parameters: Any, statistics: dict[str, Any], v: Any) -> tuple[Any, dict[str, Any]]:
        after = {}

        def conv_norm(name: str, v: Any) -> Any:
            size, _, _, stride = convs[name]
            kernel, gamma, beta = parameters[name]
            v = _conv(v, kernel, stride, [(size // 2, size // 2)] * 2)
            mean, variance = v.mean((0, 1, 2)), v.var((0, 1, 2))
            after[name] = tuple(
                KEEP * old + (1 - KEEP) * new
                for old, new in zip(statistics[name], (mean, variance), strict=True)
            )
            return (v - mean) * (gamma * lax.rsqrt(variance + EPSILON)) + beta

        v = jax.nn.relu(conv_norm("stem", v))
        for name in convs:
            if not name.endswith("_1"):
                continue
            block = name.removesuffix("_1")
            shortcut = f"{block}_shortcut"
            way = conv_norm(shortcut, v) if shortcut in convs else v
            inner = conv_norm(f"{block}_2", jax.nn.relu(conv_norm(name, v)))
            v = jax.nn.relu(inner + way)
        w, b = parameters["predictions"]
        return v.mean((1, 2)) @ w + b, after

    return Model(parameters, statistics, forward)


# ---- training

#: Parameters, their velocities, statistics.
State = tuple[Any, Any, dict[str, Any]]


def first_state(model: Model) -> State:
    return model.parameters, jax.tree.map(jnp.zeros_like, model.parameters), model.statistics


def trainer(model: Model, images: Any, labels: Any) -> Callable[[State, Any], tuple[State, Any]]:
    """A step: the state and the chosen images' numbers -> the state after it, and the loss."""

    def loss(parameters: Any, statistics: dict[str, Any], chosen: Any) -> Any:
        pixels = images[chosen].astype(jnp.float32) / 255
        scores, statistics = model.forward(parameters, statistics, pixels)
        logarithms = jax.nn.log_softmax(scores)
        return -jnp.take_along_axis(logarithms, labels[chosen][:, None], 1).mean(), statistics

    def step(state: State, chosen: Any) -> tuple[State, Any]:
        parameters, velocity, statistics = state
        (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(
            parameters, statistics, chosen
        )
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v - RATE * g, velocity, gradients)
        return (jax.tree.map(jnp.add, parameters, velocity), velocity, statistics), value

    return step


def runner(model: Model, x: Any, y: Any, batch: int) -> Runner:
    if jax.default_backend() != "gpu":
        raise RuntimeError("this JAX has no GPU")
    step = trainer(model, jnp.asarray(x), jnp.asarray(y))
    usable = len(y) // batch * batch

    @jax.jit
    def epoch(state: State, key: Any) -> State:
        order = jax.random.permutation(key, len(y))[:usable].reshape(-1, batch)
        return lax.scan(lambda state, chosen: (step(state, chosen)[0], None), state, order)[0]

    state = first_state(model)
    key = jax.random.key(0)

    def run_epoch() -> int:
        nonlocal state, key
        key, now = jax.random.split(key)
        state = epoch(state, now)
        return usable

    def start() -> Callable[[], float]:
        jax.block_until_ready(state)
        begin = time.perf_counter()

        def stop() -> float:
            jax.block_until_ready(state)
            return time.perf_counter() - begin

        return stop

    run_epoch()
    return Runner(run_epoch, Clock("host's clock and block_until_ready: JAX has no events", start))
