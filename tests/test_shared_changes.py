"""Models that share layers: the newest change wins, whoever makes it, however and whenever."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import pycnn
from pycnn import layers

FIT_HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_end",
    "on_epoch_end",
    "on_train_end",
]


def images(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = images((12, 3))


class Shared:
    """An outer model, the model within it, and one beside it, on the same two layers."""

    def __init__(self) -> None:
        self.dense = layers.Dense(2, name="dense")
        # Momentum 1: training leaves the moving statistics alone.
        self.norm = layers.BatchNormalization(momentum=1.0, name="norm")
        self.inner = pycnn.Sequential([pycnn.Input((3,)), self.dense, self.norm], name="inner")
        a, b = pycnn.Input((3,)), pycnn.Input((3,))
        self.outer = pycnn.Model(a, layers.Dense(1, name="head")(self.inner(a)))
        self.beside = pycnn.Model(b, self.norm(self.dense(b)))
        for model in (self.outer, self.inner, self.beside):
            model.compile(pycnn.optimizers.SGD(1e-30), "mse")

    @property
    def now(self) -> list[np.ndarray]:
        return self.dense.get_weights() + self.norm.get_weights()


def by_model(model: str) -> Callable[[Shared, list[np.ndarray], Path], None]:
    return lambda shared, values, _: getattr(shared, model).set_weights(values)


def by_file(shared: Shared, values: list[np.ndarray], folder: Path) -> None:
    other = Shared().inner
    other.set_weights(values)
    other.save_weights(folder / "w")
    shared.inner.load_weights(folder / "w")


def by_layer(shared: Shared, values: list[np.ndarray], _: Path) -> None:
    shared.beside.set_weights([value + 1 for value in values])  # the last to change them
    shared.dense.set_weights(values[:2])
    shared.norm.set_weights(values[2:])


def by_training(shared: Shared, values: list[np.ndarray], _: Path) -> None:
    shared.beside.set_weights(values)
    shared.inner.train_on_batch(X, X[:, :2])


def by_fit(shared: Shared, values: list[np.ndarray], _: Path) -> None:
    shared.inner.set_weights(values)
    shared.beside.fit(X, X[:, :2], verbose=0)


WAYS = {
    "inner.set_weights": by_model("inner"),
    "beside.set_weights": by_model("beside"),
    "load_weights": by_file,
    "layer.set_weights": by_layer,
    "train_on_batch": by_training,
    "fit": by_fit,
}


def sample() -> list[np.ndarray]:
    shapes = [(3, 2), (2,), (2,), (2,), (2,), (2,)]
    return [np.abs(images(shape, seed)) + 1 for seed, shape in enumerate(shapes)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", FIT_HOOKS)
def test_a_change_in_a_hook_of_fit_stays(hook: str, way: str, tmp_path: Path) -> None:
    shared, values = Shared(), sample()

    def change(*_: Any) -> None:
        WAYS[way](shared, values, tmp_path)

    data = (X, X[:, :1])
    shared.outer.fit(
        *data, batch_size=4, epochs=2, verbose=0, validation_data=data,
        callbacks=pycnn.callbacks.LambdaCallback(**{hook: change}),
    )  # fmt: skip
    for found, value in zip(shared.now, values, strict=True):
        assert_allclose(found, value, rtol=1e-6)
    for model in (shared.outer, shared.inner, shared.beside):
        for found, value in zip(model.get_weights(), values, strict=False):
            assert_allclose(found, value, rtol=1e-6)


def test_the_next_step_goes_on_from_the_change() -> None:
    """One step at a time by hand gives the same numbers as fit with the change in a hook."""
    results = []
    for by_hand in (True, False):
        pycnn.set_random_seed(4)
        shared, values = Shared(), sample()
        shared.outer.compile(pycnn.optimizers.SGD(0.1), "mse")
        if by_hand:
            for start in (0, 4, 8):
                shared.outer.train_on_batch(X[start : start + 4], X[start : start + 4, :1])
                if start == 4:
                    shared.inner.set_weights(values)
        else:
            hook = pycnn.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, shared=shared, values=values: (
                    shared.inner.set_weights(values) if batch == 1 else None
                )
            )
            shared.outer.fit(X, X[:, :1], batch_size=4, verbose=0, shuffle=False, callbacks=hook)
        results.append(shared.outer.get_weights())
    assert (results[0][0] != sample()[0]).any()
    for one, other in zip(*results, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("hook", ["on_test_begin", "on_test_batch_begin"])
def test_evaluate_sees_a_change_in_its_hooks(hook: str) -> None:
    shared = Shared()
    shared.outer.get_weights()
    change = pycnn.callbacks.LambdaCallback(
        **{hook: lambda *_: by_model("inner")(shared, sample(), Path())}
    )
    during = shared.outer.evaluate(X, X[:, :1], batch_size=4, verbose=0, callbacks=change)
    assert during == pytest.approx(shared.outer.evaluate(X, X[:, :1], verbose=0), rel=1e-6)


@pytest.mark.parametrize("hook", ["on_predict_begin", "on_predict_batch_begin"])
def test_predict_sees_a_change_in_its_hooks(hook: str) -> None:
    shared = Shared()
    shared.outer.get_weights()
    change = pycnn.callbacks.LambdaCallback(
        **{hook: lambda *_: by_model("beside")(shared, sample(), Path())}
    )
    during = shared.outer.predict(X, batch_size=4, verbose=0, callbacks=change)
    assert_array_equal(during, shared.outer.predict(X, verbose=0))


def test_nothing_is_copied_where_nobody_else_changes_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = Shared()
    shared.inner.set_weights(sample())
    shared.outer.get_weights()
    copies: list[int] = []
    copy = pycnn._core.Network.set_parameter

    def counted(network: Any, index: int, value: Any) -> None:
        copies.append(index)
        copy(network, index, value)

    monkeypatch.setattr(pycnn._core.Network, "set_parameter", counted)
    each = pycnn.callbacks.LambdaCallback(on_train_batch_end=lambda *_: None)
    shared.outer.fit(X, X[:, :1], batch_size=4, epochs=3, verbose=0, callbacks=each)
    assert copies == []
    shared.inner.get_weights()  # and once where somebody has
    shared.inner.get_weights()
    assert sorted(copies) == [0, 1, 2, 3, 4, 5]
