"""TensorFlow: graphs by tf.function, the step as one call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

import pycnn
from suite.cases import Pass
from suite.network import Network, Step, describe
from suite.peers.base import CHECKED_STEPS, MOMENTUM, Order, Peer, Runner, scaled, spread


class _Net:
    """The network's variables, and its logits."""

    def __init__(self, net: Network) -> None:
        self._net = net
        self._weights = [[tf.Variable(w) for w in step.weights] for step in net.steps]
        self.trained = [w for weights in self._weights for w in weights[:2]]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        values = [x]
        for step, weights in zip(self._net.steps, self._weights, strict=True):
            inputs = [values[i] for i in step.inputs]
            values.append(_RULES[step.op](step, weights, *inputs, training=training))
        return values[-1]


def _conv(step: Step, weights: Any, x: tf.Tensor, training: bool) -> tf.Tensor:
    pads = [(0, 0), *step.options["pads"], (0, 0)]
    y = tf.nn.conv2d(x, weights[0], step.options["strides"], pads)
    return tf.nn.bias_add(y, weights[1]) if len(weights) == 2 else y


def _batch_norm(step: Step, weights: Any, x: tf.Tensor, training: bool) -> tf.Tensor:
    gamma, beta, mean, variance = weights
    y, new_mean, new_variance, *_ = tf.compat.v1.nn.fused_batch_norm(
        x,
        gamma,
        beta,
        None if training else mean,
        None if training else variance,
        epsilon=step.options["epsilon"],
        is_training=training,
    )
    if training:
        for moving, new in ((mean, new_mean), (variance, new_variance)):
            moving.assign_sub((1 - step.options["momentum"]) * (moving - new))
    return y


def _max_pool(step: Step, weights: Any, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.nn.max_pool2d(x, step.options["size"], step.options["strides"], "VALID")


def _dense(step: Step, weights: Any, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.nn.bias_add(tf.matmul(x, weights[0]), weights[1])


def _dropout(step: Step, weights: Any, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.nn.dropout(x, step.options["rate"]) if training else x


_RULES: dict[str, Callable[..., tf.Tensor]] = {
    "conv": _conv,
    "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "dense": _dense,
    "dropout": _dropout,
    "relu": lambda step, weights, x, training: tf.nn.relu(x),
    "flatten": lambda step, weights, x, training: tf.reshape(x, (-1, int(np.prod(step.in_shape)))),
    "add": lambda step, weights, a, b, training: a + b,
    "average": lambda step, weights, x, training: tf.reduce_mean(x, (1, 2)),
}


def _losses(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


class TensorFlowPeer(Peer):
    def __init__(self, threads: int) -> None:
        self.version = tf.__version__
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

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
        own = _Net(net)
        images, labels = tf.constant(scaled(net, x)), tf.constant(y)
        velocity = [tf.Variable(tf.zeros_like(w)) for w in own.trained]

        @tf.function
        def step(chosen: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                logits = own(tf.gather(images, chosen), training=True)
                loss = tf.reduce_mean(_losses(logits, tf.gather(labels, chosen)))
            for w, v, g in zip(
                own.trained, velocity, tape.gradient(loss, own.trained), strict=True
            ):
                tf.raw_ops.ResourceApplyMomentum(
                    var=w.handle, accum=v.handle, lr=rate, grad=g, momentum=MOMENTUM
                )
            return loss

        if net.random:
            check = [tf.reduce_mean(_losses(own(images[:batch]), labels[:batch])).numpy()]
        else:
            count = min(CHECKED_STEPS, len(x) // batch)
            parts = [np.arange(i * batch, (i + 1) * batch) for i in range(count)]
            check = [step(tf.constant(part)).numpy() for part in parts]
        order = Order(len(x), batch)

        def run(count: int) -> None:
            for _ in range(count):
                loss = step(tf.constant(order.next()))
            loss.numpy()

        return Runner(run, np.array(check))

    def predict(self, model: pycnn.Model, x: np.ndarray, batch: int, mode: str) -> Runner:
        net = describe(model)
        own = _Net(net)
        images = tf.constant(scaled(net, x[:batch]))

        @tf.function
        def outputs(images: tf.Tensor) -> tf.Tensor:
            logits = own(images)
            return tf.nn.softmax(logits) if net.ends_in_softmax else logits

        def run(count: int) -> None:
            for _ in range(count):
                outputs(images).numpy()

        return Runner(run, spread(outputs(images).numpy()))

    def evaluate(
        self, model: pycnn.Model, x: np.ndarray, y: np.ndarray, batch: int, mode: str
    ) -> Runner:
        net = describe(model)
        own = _Net(net)
        images, labels = tf.constant(scaled(net, x)), tf.constant(y)

        @tf.function(reduce_retracing=True)
        def sums(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = own(images)
            hits = tf.math.count_nonzero(tf.argmax(logits, 1) == labels)
            return tf.reduce_sum(_losses(logits, labels)), hits

        def once() -> tuple[float, float]:
            parts = [
                sums(images[i : i + batch], labels[i : i + batch]) for i in range(0, len(x), batch)
            ]
            loss, hits = (sum(float(v) for v in column) for column in zip(*parts, strict=True))
            return loss / len(x), hits / len(x)

        def run(count: int) -> None:
            for _ in range(count):
                once()

        return Runner(run, np.array(once()))

    def op(
        self, model: pycnn.Model, x: np.ndarray, dy: np.ndarray, direction: Pass, mode: str
    ) -> Runner:
        own = _Net(describe(model))
        images, gradient = tf.constant(x), tf.constant(dy)

        @tf.function
        def call(x: tf.Tensor, dy: tf.Tensor) -> Any:
            if direction == "forward":
                return own(x)
            # Of this graph only what leads to the result is run.
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = own(x)
            if direction == "backward_input":
                return tape.gradient(y, x, dy)
            return tape.gradient(y, own.trained, dy)

        def run(count: int) -> None:
            for _ in range(count):
                result = call(images, gradient)
            tf.nest.map_structure(lambda t: t.numpy(), result)

        result = call(images, gradient)
        return Runner(run, spread(result[0] if direction == "backward_params" else result))
