"""A layer that a user writes in Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import layers


class Scale(layers.Layer):
    """y = factor * scale * x, one scale per feature."""

    def __init__(self, factor: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight("scale", (input_shape[-1],), "ones")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.x = x
        return self.factor * x * self.scale.value

    def backward(self, dy: np.ndarray) -> np.ndarray:
        self.scale.gradient = self.factor * (dy * self.x).sum(axis=0)
        return self.factor * dy * self.scale.value

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, **super().get_config()}


class FirstTwo(layers.Layer):
    def compute_output_shape(self, input_shape: Any) -> Any:
        return (None, 2)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x[:, :2]

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return np.hstack([dy, np.zeros_like(dy)])


def model_with(layer: layers.Layer) -> pycnn.Sequential:
    model = pycnn.Sequential(
        [
            pycnn.Input((4,)),
            layers.Dense(4, activation="tanh"),
            layer,
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def test_it_trains_as_its_native_twin_does(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    class Twice(layers.Layer):
        def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
            return 2 * x

        def backward(self, dy: np.ndarray) -> np.ndarray:
            return 2 * dy

    own, native = model_with(Twice()), model_with(layers.Rescaling(2.0))
    native.set_weights(own.get_weights())
    for model in (own, native):
        model.fit(*blobs, batch_size=10, epochs=3, shuffle=False, verbose=0)
    for one, other in zip(own.get_weights(), native.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_its_weights_learn(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    layer = Scale(0.5)
    model = model_with(layer)
    assert model.count_params() == 20 + 4 + 20
    np.testing.assert_array_equal(layer.scale.value, np.ones(4))
    history = model.fit(*blobs, batch_size=8, epochs=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert (layer.scale.value != 1).all()
    np.testing.assert_array_equal(layer.scale.value, model.get_weights()[2])


def test_its_gradient_is_that_of_the_step(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    """One step from known weights: scale changes by -rate * gradient, by differences."""
    layer = Scale()
    model = model_with(layer)
    weights = model.get_weights()
    delta = 1e-2
    slopes = []
    for feature in range(4):
        losses = []
        for sign in (1, -1):
            moved = [weight.copy() for weight in weights]
            moved[2][feature] += sign * delta
            model.set_weights(moved)
            losses.append(model.evaluate(*blobs, batch_size=96, verbose=0)[0])  # type: ignore[index]
        slopes.append((losses[0] - losses[1]) / (2 * delta))
    model.set_weights(weights)
    model.train_on_batch(*blobs)
    np.testing.assert_allclose(
        (weights[2] - layer.scale.value) / 0.01, slopes, rtol=0.05, atol=1e-3
    )


def test_it_may_change_the_shape(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    model = pycnn.Sequential([pycnn.Input((4,)), FirstTwo(), layers.Dense(4, "softmax")])
    assert model.layers[0].name == "first_two"
    assert model.count_params() == 12
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(*blobs, verbose=0)
    identity = pycnn.Sequential([pycnn.Input((4,)), FirstTwo()])
    np.testing.assert_array_equal(identity.predict(blobs[0], verbose=0), blobs[0][:, :2])


def test_training_is_told(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    seen: list[bool] = []

    class Spy(layers.Layer):
        def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
            seen.append(training)
            return x

        def backward(self, dy: np.ndarray) -> np.ndarray:
            return dy

    model = model_with(Spy())
    model.train_on_batch(*blobs)
    assert set(seen) == {True}
    seen.clear()
    model.evaluate(*blobs, verbose=0)
    model.predict(blobs[0], verbose=0)
    assert set(seen) == {False}


def test_saved_and_loaded(tmp_path: Path, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    model = model_with(Scale(0.5))
    model.fit(*blobs, verbose=0)
    model.save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"'Scale'.*custom_objects"):
        pycnn.load_model(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m", custom_objects={"Scale": Scale})
    np.testing.assert_array_equal(
        loaded.predict(blobs[0], verbose=0), model.predict(blobs[0], verbose=0)
    )


@pytest.mark.parametrize(
    ("forward", "backward", "error", "message"),
    [
        (lambda x: x[:, :1], lambda dy: dy, ValueError, r"'broken'.*forward.*\(\d+, 4\)"),
        (lambda x: "no", lambda dy: dy, TypeError, "'broken'.*forward"),
        (lambda x: x, lambda dy: dy[:1, :1], ValueError, r"'broken'.*backward"),
        (lambda x: x, lambda dy: 1 / 0, ZeroDivisionError, "division"),
        (lambda x: {}["key"], lambda dy: dy, KeyError, "key"),
    ],
)
def test_its_errors_come_out_of_fit(
    forward: Any, backward: Any, error: type, message: str, blobs: tuple[np.ndarray, np.ndarray]
) -> None:
    class Broken(layers.Layer):
        def forward(self, x: np.ndarray, training: bool = False) -> Any:
            return forward(x)

        def backward(self, dy: np.ndarray) -> Any:
            return backward(dy)

    model = model_with(Broken(name="broken"))
    before = model.get_weights()
    with pytest.raises(error, match=message):
        model.fit(*blobs, verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_forgotten_gradient_is_an_error(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    class Forgets(Scale):
        def backward(self, dy: np.ndarray) -> np.ndarray:
            return dy

    with pytest.raises(ValueError, match=r"'forgets'.*gradient of 'scale'"):
        model_with(Forgets()).fit(*blobs, verbose=0)


def test_a_missing_super_call_is_an_error() -> None:
    class NoSuper(layers.Layer):
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError, match=r"super\(\).__init__"):
        pycnn.Sequential([NoSuper()])


class FailsOnce(layers.Layer):
    """The identity, whose `n`-th forward raises."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.left = n

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.left -= 1
        if self.left == 0:
            raise ZeroDivisionError
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy


def test_a_fit_that_failed_does_not_change_the_next_one(
    blobs: tuple[np.ndarray, np.ndarray],
) -> None:
    results = []
    for n in (1, -1):
        pycnn.set_random_seed(4)
        model = pycnn.Sequential([layers.Dense(4, input_shape=(4,)), FailsOnce(n)])
        model.compile("sgd", pycnn.losses.SparseCategoricalCrossentropy(from_logits=True))
        if n == 1:
            with pytest.raises(ZeroDivisionError):
                model.fit(*blobs, batch_size=8, verbose=0)
        model.fit(*blobs, batch_size=8, verbose=0)
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["a/b", "", None, 3])
def test_a_weights_name_is_a_word(name: Any) -> None:
    with pytest.raises(ValueError, match=r"a weight's name must be a word without '/'"):
        layers.Layer().add_weight(name, (2,))


def test_a_weight_that_is_too_large_is_called_a_weight() -> None:
    class Huge(layers.Layer):
        def build(self, input_shape: tuple[int | None, ...]) -> None:
            self.add_weight("table", (2**20, 2**20))

    with pytest.raises(ValueError, match=r"weight 'table' more than 2\^31 elements in a weight"):
        pycnn.Sequential([pycnn.Input((2,)), Huge()])
