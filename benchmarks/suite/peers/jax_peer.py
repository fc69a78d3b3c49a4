"""JAX: jitted functions, donated weights."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import pycnn
from suite.cases import Pass
from suite.network import Network, Step, describe
from suite.peers.base import CHECKED_STEPS, MOMENTUM, Order, Peer, Runner, scaled, spread

Weights = list[tuple[jax.Array, ...]]  # by step: what is trained
Moving = list[tuple[jax.Array, ...]]  # by step: moving mean and variance


def _weights(net: Network) -> tuple[Weights, Moving]:
    arrays = [tuple(jnp.asarray(w) for w in step.weights) for step in net.steps]
    return [a[:2] for a in arrays], [a[2:] for a in arrays]


def _batch_norm(
    step: Step, x: jax.Array, weights: Any, moving: Any, training: bool
) -> tuple[jax.Array, Any]:
    (gamma, beta), (mean, variance) = weights, moving
    if training:
        batch_mean, batch_variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        keep = step.options["momentum"]
        new = (
            keep * mean + (1 - keep) * batch_mean,
            keep * variance + (1 - keep) * batch_variance,
        )
        mean, variance = batch_mean, batch_variance
    else:
        new = moving
    scale = gamma * lax.rsqrt(variance + step.options["epsilon"])
    return (x - mean) * scale + beta, new


def _conv(step: Step, x: jax.Array, kernel: jax.Array, *bias: jax.Array) -> jax.Array:
    y = lax.conv_general_dilated(
        x,
        kernel,
        step.options["strides"],
        step.options["pads"],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + bias[0] if bias else y


def _max_pool(step: Step, x: jax.Array) -> jax.Array:
    size, strides = step.options["size"], step.options["strides"]
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *size, 1), (1, *strides, 1), "VALID")


def _dropout(step: Step, x: jax.Array, key: jax.Array | None) -> jax.Array:
    if key is None:
        return x
    keep = 1 - step.options["rate"]
    return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)


def _forward(
    net: Network, weights: Weights, moving: Moving, x: jax.Array, key: jax.Array | None
) -> tuple[jax.Array, Moving]:
    """Logits and the new moving statistics; `key` in training only."""
    values, new = [x], []
    for number, step in enumerate(net.steps):
        inputs, own, after = [values[i] for i in step.inputs], weights[number], moving[number]
        rules: dict[str, Callable[[], jax.Array]] = {
            "conv": lambda s=step, i=inputs, w=own: _conv(s, i[0], *w),
            "dense": lambda i=inputs, w=own: i[0] @ w[0] + w[1],
            "max_pool": lambda s=step, i=inputs: _max_pool(s, i[0]),
            "relu": lambda i=inputs: jax.nn.relu(i[0]),
            "flatten": lambda i=inputs: i[0].reshape(len(i[0]), -1),
            "add": lambda i=inputs: i[0] + i[1],
            "average": lambda i=inputs: i[0].mean((1, 2)),
            "dropout": lambda s=step, i=inputs, n=number: _dropout(
                s, i[0], None if key is None else jax.random.fold_in(key, n)
            ),
        }
        if step.op == "batch_norm":
            value, after = _batch_norm(step, inputs[0], own, after, key is not None)
        else:
            value = rules[step.op]()
        values.append(value)
        new.append(after)
    return values[-1], new


def _cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -picked.mean()


class JaxPeer(Peer):
    def __init__(self, threads: int) -> None:
        # XLA has as many threads as the process has cores; the worker settles those.
        self.version = jax.__version__

    def train(
        self,
        model: pycnn.Model,
        x: np.ndarray,
        y: np.ndarray,
        batch: int,
        rate: float,
        mode: str,
    ) -> Runner:
        net = describe(model)
        weights, moving = _weights(net)
        images, labels = jnp.asarray(scaled(net, x)), jnp.asarray(y)
        velocity = jax.tree.map(jnp.zeros_like, weights)

        def step(
            weights: Any,
            velocity: Any,
            moving: Any,
            images: Any,
            labels: Any,
            chosen: Any,
            key: Any,
        ) -> Any:
            def loss_of(weights: Any) -> Any:
                logits, new = _forward(net, weights, moving, images[chosen], key)
                return _cross_entropy(logits, labels[chosen]), new

            (loss, moving), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights)
            velocity = jax.tree.map(lambda v, g: MOMENTUM * v - rate * g, velocity, gradient)
            weights = jax.tree.map(jnp.add, weights, velocity)
            return weights, velocity, moving, loss

        jitted = jax.jit(step, donate_argnums=(0, 1, 2))
        key = jax.random.key(0)
        state: list[Any] = [weights, velocity, moving]
        check = []
        if net.random:
            logits, _ = _forward(net, weights, moving, images[:batch], None)
            check.append(float(_cross_entropy(logits, labels[:batch])))
        else:
            for i in range(min(CHECKED_STEPS, len(x) // batch)):
                chosen = np.arange(i * batch, (i + 1) * batch)
                *state, loss = jitted(*state, images, labels, chosen, key)
                check.append(float(loss))
        order = Order(len(x), batch)
        done = 0

        def run(count: int) -> None:
            nonlocal state, done
            for _ in range(count):
                done += 1
                # The key is an argument: masks differ from step to step.
                draw = jax.random.fold_in(key, done) if net.random else key
                *state, loss = jitted(*state, images, labels, order.next(), draw)
            jax.block_until_ready((state, loss))

        return Runner(run, np.array(check))

    def predict(self, model: pycnn.Model, x: np.ndarray, batch: int, mode: str) -> Runner:
        net = describe(model)
        weights, moving = _weights(net)
        images = jnp.asarray(scaled(net, x[:batch]))

        @jax.jit
        def outputs(weights: Any, images: Any) -> Any:
            logits, _ = _forward(net, weights, moving, images, None)
            return jax.nn.softmax(logits) if net.ends_in_softmax else logits

        def run(count: int) -> None:
            for _ in range(count):
                np.asarray(outputs(weights, images))

        return Runner(run, spread(np.asarray(outputs(weights, images))))

    def evaluate(
        self, model: pycnn.Model, x: np.ndarray, y: np.ndarray, batch: int, mode: str
    ) -> Runner:
        net = describe(model)
        weights, moving = _weights(net)
        images, labels = jnp.asarray(scaled(net, x)), jnp.asarray(y)

        @jax.jit
        def sums(weights: Any, images: Any, labels: Any) -> Any:
            logits, _ = _forward(net, weights, moving, images, None)
            hits = (logits.argmax(1) == labels).sum()
            return _cross_entropy(logits, labels) * len(labels), hits

        def once() -> tuple[float, float]:
            parts = [
                sums(weights, images[i : i + batch], labels[i : i + batch])
                for i in range(0, len(images), batch)
            ]
            loss, hits = (sum(float(v) for v in column) for column in zip(*parts, strict=True))
            return loss / len(images), hits / len(images)

        def run(count: int) -> None:
            for _ in range(count):
                once()

        return Runner(run, np.array(once()))

    def op(
        self, model: pycnn.Model, x: np.ndarray, dy: np.ndarray, direction: Pass, mode: str
    ) -> Runner:
        net = describe(model)
        weights, moving = _weights(net)

        def layer(weights: Any, x: Any) -> Any:
            return _forward(net, weights, moving, x, None)[0]

        def backward(weights: Any, x: Any, dy: Any) -> Any:
            if direction == "backward_input":
                return jax.vjp(lambda x: layer(weights, x), x)[1](dy)[0]
            return jax.vjp(lambda weights: layer(weights, x), weights)[1](dy)[0][0]

        call = jax.jit(
            lambda w, x, dy: layer(w, x) if direction == "forward" else backward(w, x, dy)
        )
        images, gradient = jnp.asarray(x), jnp.asarray(dy)

        def run(count: int) -> None:
            for _ in range(count):
                result = call(weights, images, gradient)
            jax.block_until_ready(result)

        result = call(weights, images, gradient)
        return Runner(run, spread(result[0] if direction == "backward_params" else result))
