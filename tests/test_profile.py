"""The core's profile: every instruction of the plan with its time, and nothing changed by it."""

import numpy as np
import pytest

import pycnn
from pycnn import _core, layers


def network(*stack, shape=(8, 8, 2)):
    model = pycnn.Sequential([pycnn.Input(shape), *stack])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, model._ready_network()


def images(count, shape=(8, 8, 2)):
    return _core.Tensor(np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32))


def labels(count):
    return _core.Tensor(np.arange(count) % 3)


@pytest.mark.parametrize("threads", [1, 3])
def test_step(threads):
    pycnn.set_num_threads(threads)
    model, net = network(
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    )
    before = [w.copy() for w in model.get_weights()]
    times = net.profile_step([images(40)], [labels(40)], 0.0)
    assert [t.operation for t in times if t.layer == "[Conv2D 'conv2d']"] == [
        "Conv2dForward",
        "Conv2dBackwardParams",
    ]
    assert "BatchNormCombine" in [t.operation for t in times]
    assert all(t.seconds >= 0 for t in times) and sum(t.seconds for t in times) > 0
    for w, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, b)


def test_own_layers_are_timed():
    class Slow(layers.Layer):
        def forward(self, x, training=False):
            return x

        def backward(self, dy):
            return dy

    _, net = network(Slow(), layers.Flatten(), layers.Dense(3, activation="softmax"))
    times = net.profile_step([images(20)], [labels(20)], 0.0)
    (host,) = [t for t in times if t.operation == "HostForward"]
    assert host.seconds > 0


def test_backward():
    model, _ = network(layers.Dense(3), shape=(5,))
    net = _core.Network(model._built_graph(), [1], 0, "cpu")
    x, dy = images(20, (5,)), images(20, (3,))
    operations = [t.operation for t in net.profile_backward([x], [dy], 0.0)]
    assert [o for o in operations if o.startswith("Dense")] == [
        "DenseForward",
        "DenseBackwardInput",
        "DenseBackwardParams",  # of all blocks, after them
    ]
    with pytest.raises(ValueError, match="expected dy"):
        net.profile_backward([x], [images(20, (4,))], 0.0)
    with pytest.raises(ValueError, match="expected input"):
        net.profile_backward([dy], [dy], 0.0)
    with pytest.raises(ValueError, match="no loss"):
        net.profile_step([x], [labels(20)], 0.0)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_bad_seconds(seconds):
    _, net = network(layers.Flatten(), layers.Dense(3, activation="softmax"))
    with pytest.raises(ValueError, match="seconds must be from 0 to 3600"):
        net.profile_step([images(4)], [labels(4)], seconds)
