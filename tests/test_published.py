"""The published figures of docs/lectures.md on real MNIST, where it is at hand.

The CNN takes minutes: it is trained only where the environment variable PYCNN_SLOW_TESTS is 1.
"""

import os
from typing import Any

import pytest

import pycnn
from pycnn import models
from pycnn.optimizers import SGD, schedules


def accuracy(model: pycnn.Model, mnist: Any, epochs: int, optimizer: Any, **options: Any) -> float:
    train, test = mnist
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"], **options)
    model.fit(*train, batch_size=100, epochs=epochs, verbose=0)
    measured = model.evaluate(*test, verbose=0, return_dict=True)
    assert isinstance(measured, dict)
    return measured["accuracy"]


@pytest.fixture(autouse=True)
def seed() -> None:
    pycnn.set_random_seed(0)


def test_one_softmax_layer(mnist: Any) -> None:
    assert accuracy(models.softmax_mnist(), mnist, 10, SGD(0.1)) >= 0.91


def test_one_softmax_layer_at_the_lecture_s_rate(mnist: Any) -> None:
    """The lecture prints 91 % for it; the page says what it is: 90.25 %."""
    assert accuracy(models.softmax_mnist(), mnist, 10, "sgd") == pytest.approx(0.9025, abs=0.003)


def test_the_deeper_network(mnist: Any) -> None:
    decay = pycnn.callbacks.LearningRateScheduler(lambda epoch: 0.01 * 0.6**epoch)
    assert accuracy(models.mlp_mnist(), mnist, 10, "adam", callbacks=[decay]) >= 0.975


@pytest.mark.skipif(
    os.environ.get("PYCNN_SLOW_TESTS") != "1", reason="takes minutes; PYCNN_SLOW_TESTS=1 runs it"
)
def test_the_cnn(mnist: Any) -> None:
    steps = 3 * -(-len(mnist[0][0]) // 100)
    optimizer = SGD(schedules.OneCycle(0.05, steps), momentum=0.9, nesterov=True)
    assert accuracy(models.cnn_mnist(), mnist, 3, optimizer) >= 0.992
