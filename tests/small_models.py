"""Models that the tests share."""

from typing import Any

import pycnn
from pycnn import layers


def dense_model(**compile_options: Any) -> pycnn.Sequential:
    """4 -> 8 -> 4, for the `blobs` fixture."""
    model = pycnn.Sequential(
        [
            layers.Dense(8, activation="tanh", input_shape=(4,)),
            layers.Dense(4, activation="softmax"),
        ]
    )
    options: dict[str, Any] = {
        "optimizer": pycnn.optimizers.SGD(0.1, momentum=0.9),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    model.compile(**(options | compile_options))
    return model


def conv_layers() -> list[Any]:
    return [
        pycnn.Input((28, 28, 1)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 5, strides=2, activation="relu", padding="same"),
        layers.MaxPooling2D(2),
        layers.Conv2D(8, (3, 3), activation="relu"),
        layers.AveragePooling2D(2, padding="same"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]


def conv_model() -> pycnn.Sequential:
    """Every kind of native layer, for the `digits` fixture."""
    model = pycnn.Sequential(conv_layers())
    model.compile(
        pycnn.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "sparse_categorical_crossentropy",
        ["accuracy"],
    )
    return model


def lenet5() -> pycnn.Sequential:
    return pycnn.Sequential(
        [
            pycnn.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
