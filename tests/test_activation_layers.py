"""Activations with a parameter, and local response normalization, as layers of a model."""

from typing import Any

import numpy as np
import pytest
import reference

import pycnn
from pycnn import layers

LAYERS: list[tuple[Any, Any]] = [
    (layers.LeakyReLU(), lambda x: reference.leaky_relu(x, 0.3)),
    (layers.LeakyReLU(0.05), lambda x: reference.leaky_relu(x, 0.05)),
    (layers.ELU(), reference.elu),
    (layers.ELU(alpha=0.5), lambda x: reference.elu(x, 0.5)),
    (layers.GELU(), reference.gelu),
    (layers.GELU(approximate=True), lambda x: reference.gelu(x, True)),
    (layers.Activation("leaky_relu"), reference.leaky_relu),  # 0.2, as in Keras
    (layers.Activation("elu"), reference.elu),
    (layers.Activation("gelu"), reference.gelu),
    (layers.LocalResponseNormalization(), reference.local_response_norm),
    (
        layers.LocalResponseNormalization(n=3, k=1, alpha=0.5, beta=0.5),
        lambda x: reference.local_response_norm(x, 3, 1.0, 0.5, 0.5),
    ),
]


@pytest.mark.parametrize(("layer", "function"), LAYERS, ids=lambda value: repr(value)[:40])
def test_a_layer_computes_its_function_and_keeps_its_options(layer: Any, function: Any) -> None:
    x = 3 * np.random.default_rng(0).standard_normal((18, 4, 5, 6)).astype(np.float32)
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    model = pycnn.Sequential([pycnn.Input((4, 5, 6)), copy])
    assert model.output_shape == (None, 4, 5, 6)
    np.testing.assert_allclose(model.predict(x, verbose=0), function(x), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("activation", ["leaky_relu", "elu", "gelu"])
def test_as_the_activation_of_other_layers(activation: str) -> None:
    function = getattr(reference, activation)
    x = np.random.default_rng(0).standard_normal((17, 5, 5, 2)).astype(np.float32)
    model = pycnn.Sequential(
        [
            layers.Conv2D(3, 3, activation=activation, input_shape=(5, 5, 2)),
            layers.Flatten(),
            layers.Dense(4, activation=activation),
        ]
    )
    kernel, bias, weights, offset = model.get_weights()
    hidden = function(reference.conv2d(x, kernel, bias)).reshape(17, -1)
    expected = function(hidden @ weights + offset)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_networks_of_them_learn(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    for layer in (layers.LeakyReLU(), layers.ELU(), layers.GELU()):
        hidden = layers.Dense(16, input_shape=(4,))
        model = pycnn.Sequential([hidden, layer, layers.Dense(4, activation="softmax")])
        model.compile(
            pycnn.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", ["accuracy"]
        )
        history = model.fit(*blobs, epochs=60, verbose=0).history
        assert history["accuracy"][-1] > 0.95, layer


def test_they_are_saved_and_loaded(tmp_path: Any) -> None:
    model = pycnn.Sequential(
        [
            layers.Conv2D(6, 3, input_shape=(8, 8, 1)),
            layers.LocalResponseNormalization(n=3, alpha=0.1),
            layers.LeakyReLU(0.1),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="gelu"),
            layers.ELU(2.0),
        ]
    )
    x = np.random.default_rng(0).standard_normal((9, 8, 8, 1)).astype(np.float32)
    model.save(tmp_path / "model.safetensors")
    loaded = pycnn.load_model(tmp_path / "model.safetensors")
    assert [layer.get_config() for layer in loaded.layers] == [
        layer.get_config() for layer in model.layers
    ]
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LeakyReLU(-0.1, name="a"), r"\[LeakyReLU 'a'\] negative_slope"),
        (lambda: layers.ELU(float("inf"), name="a"), r"\[ELU 'a'\] alpha"),
        (lambda: layers.ELU(-1, name="a"), r"\[ELU 'a'\] alpha"),
        (lambda: layers.LocalResponseNormalization(n=0), "n must be at least 1"),
        (lambda: layers.LocalResponseNormalization(k=0), "k must be positive"),
        (lambda: layers.LocalResponseNormalization(alpha=-1), "alpha must not be negative"),
        (lambda: layers.Dense(2, activation="leakyrelu"), "leaky_relu"),
    ],
)
def test_options_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
