"""Small models of every shape, that tests of devices train on one device and another."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from small_models import conv_layers

import pycnn
from pycnn import layers
from pycnn.optimizers import SGD

SPARSE = "sparse_categorical_crossentropy"


class Task(NamedTuple):
    """A compiled model, on the device that is set, and data for it."""

    model: pycnn.Model
    x: Any
    y: Any


def pictures(images: int, *shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((images, *shape)).astype(np.float32)


def classes(images: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng(2).integers(0, count, images)


def compiled(model: pycnn.Model, loss: Any = SPARSE, rate: float = 0.05) -> pycnn.Model:
    model.compile(SGD(rate, momentum=0.9), loss, ["accuracy"] if loss == SPARSE else None)
    return model


def dense() -> Task:
    model = pycnn.Sequential(
        [
            layers.Dense(8, activation="tanh", input_shape=(4,)),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return Task(compiled(model, rate=0.1), pictures(44, 4), classes(44))


def convolutions() -> Task:
    x, y = pycnn.datasets.synthetic_digits(44, seed=7)
    return Task(compiled(pycnn.Sequential(conv_layers())), x, y)


def normalized() -> Task:
    model = pycnn.Sequential(
        [
            pycnn.Input((6, 6, 2)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return Task(compiled(model), pictures(44, 6, 6, 2), classes(44))


def dropped() -> Task:
    model = pycnn.Sequential(
        [
            pycnn.Input((12,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return Task(compiled(model), pictures(44, 12), classes(44))


def augmented() -> Task:
    model = pycnn.Sequential(
        [
            pycnn.Input((8, 8, 1)),
            layers.Augmentation(shift=1, horizontal_flip=True, rotation=10.0),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return Task(compiled(model), pictures(44, 8, 8, 1), classes(44))


def branches() -> Task:
    x = pycnn.Input((6, 6, 2))
    left = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    right = layers.Conv2D(2, 1)(x)
    y = layers.concatenate([left, right, layers.MaxPooling2D(3, strides=1, padding="same")(x)])
    y = layers.add([y, layers.Conv2D(7, 1)(y)])
    y = layers.Dense(4, activation="softmax")(layers.Flatten()(y))
    return Task(compiled(pycnn.Model(x, y)), pictures(44, 6, 6, 2), classes(44))


def shared_weights() -> Task:
    a, b = pycnn.Input((5, 5, 2), name="a"), pycnn.Input((5, 5, 2), name="b")
    encoder = layers.Conv2D(3, 3, activation="relu")
    y = layers.Dense(1)(layers.Flatten()(layers.add([encoder(a), encoder(b)])))
    model = compiled(pycnn.Model([a, b], y), "mse", 0.02)
    return Task(model, [pictures(44, 5, 5, 2), pictures(44, 5, 5, 2, seed=3)], pictures(44, 1))


def several_outputs() -> Task:
    x = pycnn.Input((6,))
    body = layers.Dense(8, activation="relu", kernel_regularizer="l2")(x)
    outputs = {
        "label": layers.Dense(4, activation="softmax")(body),
        "value": layers.Dense(2)(body),
    }
    model = pycnn.Model(x, outputs)
    model.compile(
        SGD(0.05, momentum=0.9),
        {"label": SPARSE, "value": "mse"},
        {"label": ["accuracy"]},
        loss_weights={"label": 1.0, "value": 0.5},
    )
    return Task(model, pictures(44, 6), {"label": classes(44), "value": pictures(44, 2)})


def nested() -> Task:
    inner = pycnn.Sequential([pycnn.Input((6,)), layers.Dense(5, activation="tanh")])
    x = pycnn.Input((6,))
    y = layers.Dense(4, activation="softmax")(inner(x))
    return Task(compiled(pycnn.Model(x, y)), pictures(44, 6), classes(44))


class Scale(layers.Layer):
    """y = scale * x, written in Python."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight("scale", (input_shape[-1],), "ones")

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x * self.scale.value

    def backward(self, dy: np.ndarray) -> np.ndarray:
        self.scale.gradient = (dy * self.x).sum(axis=0)
        return dy * self.scale.value


def python_layer() -> Task:
    model = pycnn.Sequential(
        [
            pycnn.Input((6,)),
            layers.Dense(5, activation="tanh"),
            Scale(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return Task(compiled(model), pictures(44, 6), classes(44))


TASKS: list[Callable[[], Task]] = [
    dense,
    convolutions,
    normalized,
    dropped,
    augmented,
    branches,
    shared_weights,
    several_outputs,
    nested,
    python_layer,
]
