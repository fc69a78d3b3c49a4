"""The lectures' Keras code runs as it stands but for its import line: systems 2, 3 and 5.

Pixels go in as they come, 0 to 255, and scaled to 0..1.
"""

from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import Sequential
from pycnn.callbacks import LearningRateScheduler
from pycnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D


@pytest.fixture(params=[1.0, 255.0], ids=["raw", "scaled"])
def images(request: pytest.FixtureRequest) -> tuple[Any, ...]:
    """Drawn digits as Keras gives MNIST."""
    pycnn.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = (
        pycnn.datasets.synthetic_digits(n, seed=n) for n in (4000, 1000)
    )
    if request.param == 1.0:
        return x_train, y_train, x_test, y_test
    return x_train / request.param, y_train, x_test / request.param, y_test


def test_one_softmax_layer(images: tuple[Any, ...]) -> None:
    x_train, y_train, x_test, y_test = images
    model = Sequential([Flatten(input_shape=(28, 28)), Dense(10, activation="softmax")])
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=100, epochs=10)
    loss, accuracy = model.evaluate(x_test, y_test)
    assert np.isfinite(loss)
    assert accuracy > 0.4  # guessing: 0.1


def test_a_deeper_network_with_callbacks_in_compile(images: tuple[Any, ...]) -> None:
    x_train, y_train, x_test, y_test = images
    model = Sequential(
        [
            Flatten(input_shape=(28, 28)),
            Dense(128, kernel_initializer="he_normal", activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
    )
    decay = LearningRateScheduler(lambda epoch: 0.01 * 0.6**epoch)
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        callbacks=[decay],
    )
    model.fit(x_train, y_train, batch_size=100, epochs=4)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 * 0.6**3)
    assert model.evaluate(x_test, y_test)[1] > 0.5


def test_the_cnn(images: tuple[Any, ...]) -> None:
    x_train, y_train, x_test, y_test = images
    model = Sequential(
        [
            Conv2D(
                kernel_size=5, filters=32, activation="relu", padding="same",
                input_shape=[28, 28, 1],
            ),
            MaxPooling2D(pool_size=2, strides=2),
            Conv2D(kernel_size=5, filters=64, activation="relu", padding="same"),
            MaxPooling2D(pool_size=2, strides=2),
            Flatten(),
            Dense(1024, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    shapes = [layer.output.shape[1:] for layer in model.layers]
    expected = [(28, 28, 32), (14, 14, 32), (14, 14, 64), (7, 7, 64), (3136,), (1024,), (10,)]
    assert shapes == expected
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=100, epochs=1)
    assert model.evaluate(x_test, y_test)[1] > 0.6
