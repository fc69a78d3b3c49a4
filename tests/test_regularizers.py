"""Penalties on weights: in the loss of fit and evaluate, in the gradient, saved with the model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import layers, regularizers
from pycnn.optimizers import SGD

Data = tuple[np.ndarray, np.ndarray]


def penalized(kernel_regularizer: Any, optimizer: Any = "sgd") -> pycnn.Sequential:
    pycnn.set_random_seed(4)
    model = pycnn.Sequential(
        [
            layers.Conv2D(
                3,
                3,
                activation="relu",
                kernel_regularizer=kernel_regularizer,
                input_shape=(8, 8, 2),
            ),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(5, kernel_regularizer=kernel_regularizer),
            layers.Softmax(),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    return model


def pictures() -> Data:
    rng = np.random.default_rng(1)
    return rng.normal(size=(37, 8, 8, 2)).astype(np.float32), rng.integers(0, 5, 37)


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [
        ("l2", lambda w: 0.01 * (w**2).sum()),
        ("L1", lambda w: 0.01 * np.abs(w).sum()),
        (regularizers.L2(0.5), lambda w: 0.5 * (w**2).sum()),
        (regularizers.L1(0.25), lambda w: 0.25 * np.abs(w).sum()),
        (
            regularizers.L1L2(0.25, 0.5),
            lambda w: 0.25 * np.abs(w).sum() + 0.5 * (w**2).sum(),
        ),
    ],
    ids=str,
)
def test_the_loss_has_the_penalty(regularizer: Any, penalty: Callable[..., float]) -> None:
    """Of both kernels, and of no bias; once, however many batches."""
    x, y = pictures()
    plain, model = penalized(None), penalized(regularizer)
    weights = [w + 0.25 for w in plain.get_weights()]  # biases that would show
    for m in (plain, model):
        m.set_weights(weights)
    expected = sum(penalty(w.astype(np.float64)) for w in weights if w.ndim > 1)
    for batch_size in (8, 100):
        without = plain.evaluate(x, y, batch_size=batch_size, verbose=0)[0]
        assert model.evaluate(x, y, batch_size=batch_size, verbose=0)[0] - without == pytest.approx(
            expected, rel=1e-5
        )
    still = SGD(0.0)
    for m in (plain, model):
        m.compile(still, "sparse_categorical_crossentropy")
    losses = [m.fit(x, y, batch_size=8, verbose=0).history["loss"][0] for m in (plain, model)]
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-5)


def test_the_step_has_its_gradient() -> None:
    x, y = pictures()
    plain, model = (penalized(r, SGD(0.1)) for r in (None, regularizers.L1L2(0.02, 0.3)))
    before = plain.get_weights()
    for m in (plain, model):
        m.set_weights(before)
        m.train_on_batch(x, y)
    for w, without, with_it in zip(before, plain.get_weights(), model.get_weights(), strict=True):
        extra = 0.02 * np.sign(w) + 2 * 0.3 * w if w.ndim > 1 else np.zeros_like(w)
        np.testing.assert_allclose(with_it, without - 0.1 * extra, atol=1e-6)


def test_weights_at_zero_stay_under_l1() -> None:
    model = pycnn.Sequential(
        [layers.Dense(2, kernel_regularizer="l1", use_bias=False, input_shape=(3,))]
    )
    model.compile("sgd", "mse")
    model.set_weights([np.zeros((3, 2))])
    model.train_on_batch(np.zeros((4, 3)), np.zeros((4, 2)))
    assert not model.get_weights()[0].any()


def test_weights_that_overflow_are_blamed() -> None:
    """A penalty that is not finite stops the step, though ReLU hides the weights from the loss."""
    model = pycnn.Sequential(
        [
            layers.Dense(2, activation="relu", kernel_regularizer="l2", input_shape=(3,)),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    weights = model.get_weights()
    weights[0][:] = -np.inf
    model.set_weights(weights)
    with pytest.raises(FloatingPointError, match=r"weights 'kernel' of layer 'dense'"):
        model.train_on_batch(np.ones((4, 3)), np.ones((4, 1)))
    np.testing.assert_array_equal(model.get_weights()[2], weights[2])


def test_saved_with_the_model(tmp_path: Path) -> None:
    model = penalized(regularizers.L1L2(0.1, 0.2))
    model.save(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m")
    assert loaded.get_config() == model.get_config()
    assert loaded.evaluate(*pictures(), verbose=0) == model.evaluate(*pictures(), verbose=0)
    layer = loaded.layers[0]
    assert isinstance(layer, layers.Conv2D)
    assert repr(layer.kernel_regularizer) == "L1L2(l1=0.1, l2=0.2)"


@pytest.mark.parametrize(
    "regularizer", [None, regularizers.L1(0.3), regularizers.L2(), regularizers.L1L2(1, 2)], ids=str
)
def test_configurations_survive_json(regularizer: regularizers.Regularizer | None) -> None:
    again = regularizers.get(json.loads(json.dumps(regularizers.serialize(regularizer))))
    assert repr(again) == repr(regularizer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.L2(-1), r"^\[L2\] l2 must not be negative"),
        (lambda: regularizers.L1(float("nan")), r"^\[L1\] l1 must be finite"),
        (lambda: layers.Dense(2, kernel_regularizer="l3"), "unknown regularizer 'l3'"),
        (
            lambda: pycnn._core.Graph((3,)).regularize(0, "kernel", l2=0.1),
            r"^\[Graph\] an input has no weights",
        ),
    ],
)
def test_bad_options(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_core_refuses_weights_that_are_not_there() -> None:
    graph = pycnn._core.Graph((4,))
    value = graph.batch_norm(graph.dense(graph.input, units=2, name="d"), name="b")
    with pytest.raises(ValueError, match=r"^\[BatchNormalization 'b'\] .* 'moving_mean'"):
        graph.regularize(value, "moving_mean", l2=0.1)
    with pytest.raises(ValueError, match=r"'kernel' to regularize"):
        graph.regularize(value, "kernel", l2=0.1)
    with pytest.raises(ValueError, match=r"^\[BatchNormalization 'b'\] l1"):
        graph.regularize(value, "gamma", l1=-0.1)
