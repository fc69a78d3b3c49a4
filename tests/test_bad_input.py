"""What bad input gets: an exception that says what was expected and what came, and no change."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_models import conv_model, dense_model

import pycnn
from pycnn import callbacks, initializers, layers, losses, metrics, optimizers

Data = tuple[np.ndarray, np.ndarray]

X = np.zeros((6, 28, 28, 1), np.float32)
Y = np.arange(6)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X[..., 0, 0], Y, ValueError, r"'rescaling'.*\(None, 28, 28, 1\).*\(6, 28\)"),
        (X[:, :14], Y, ValueError, r"'rescaling'.*\(None, 28, 28, 1\).*\(6, 14, 28, 1\)"),
        (np.zeros((6, 1, 28, 28)), Y, ValueError, r"channels-first.*np\.transpose"),
        (X[0], Y[:1], ValueError, r"batch of one: x\[None\]"),
        (X, Y[:5], ValueError, "received 6 and 5"),
        (X, Y + 5, ValueError, r"\[0, 10\); received 10 at index 5"),
        (X, Y - 1, ValueError, r"\[0, 10\); received -1 at index 0"),
        (X, Y + 0.5, ValueError, "0.5 at index 0"),
        (X, np.eye(10)[Y], ValueError, "categorical_crossentropy"),
        (X, None, TypeError, "y is missing"),
        (None, Y, TypeError, "x is missing"),
        (X[:0], Y[:0], ValueError, "x is empty"),
        (X, Y[:0], ValueError, "y is empty"),
        (X.astype(object), Y, TypeError, "dtype object"),
        (X.astype(complex), Y, TypeError, "dtype complex"),
        (X.astype(str), Y, TypeError, "dtype <U"),
        (X, Y.astype(object), TypeError, "y must hold real numbers"),
        (X.astype("f8") + 1e300, Y, ValueError, "float32's range"),
    ],
)
def test_data(x: Any, y: Any, error: type, message: str) -> None:
    model = conv_model()
    before = model.get_weights()
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(error, match=message):
            call(x, y)
    with pytest.raises(error, match=message):
        model.fit(X, Y, validation_data=(x, y))
    for one, other in zip(before, model.get_weights(), strict=True):
        assert_array_equal(one, other)
    assert model.optimizer.iterations == 0


def test_a_model_without_shapes_stays_so() -> None:
    model = pycnn.Sequential([layers.Conv2D(2, 5), layers.Flatten(), layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for x, y in ((X[:, :3], Y), (X, Y[:5]), (X, Y + 0.5), (X.astype(object), Y), (X, Y + 100)):
        with pytest.raises((ValueError, TypeError)):
            model.fit(x, y, verbose=0)
        assert not model.built
    model.fit(X, Y, verbose=0)
    assert model.input_shape == (None, 28, 28, 1)


def test_a_kernel_larger_than_the_input() -> None:
    with pytest.raises(ValueError, match=r"\[Conv2D 'big'\].*5x5.*3x3"):
        pycnn.Sequential([layers.Conv2D(2, 5, input_shape=(3, 3, 1), name="big")])
    with pytest.raises(ValueError, match=r"\[MaxPooling2D 'wide'\]"):
        pycnn.Sequential([layers.MaxPooling2D(4, input_shape=(3, 3, 1), name="wide")])


def test_a_wrong_rank_names_the_layer() -> None:
    with pytest.raises(ValueError, match=r"\[Conv2D 'conv2d'\]"):
        pycnn.Sequential([layers.Conv2D(2, 3, input_shape=(28, 28))])
    with pytest.raises(ValueError, match=r"\[Dense 'dense'\]"):
        pycnn.Sequential([layers.Dense(2, input_shape=(28, 28))])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Dense(2, activation="rleu"), "unknown activation 'rleu'.*'relu'"),
        (lambda: layers.Activation("sigmod"), "unknown activation 'sigmod'.*'sigmoid'"),
        (lambda: layers.Conv2D(2, 3, padding="smae"), "unknown padding 'smae'.*'same'"),
        (lambda: layers.MaxPooling2D(padding="vaild"), "unknown padding 'vaild'.*'valid'"),
        (lambda: layers.Dense(2, kernel_initializer="he_norml"), "initializer.*'he_normal'"),
        (lambda: initializers.get("GlorotUnifrm"), "initializer 'GlorotUnifrm'.*'glorot_uniform'"),
        (lambda: losses.get("categorical_crossentropie"), "'categorical_crossentropy'"),
        (lambda: metrics.get("acuracy"), "unknown metric 'acuracy'.*'accuracy'"),
        (lambda: optimizers.get("sdg"), "unknown optimizer 'sdg'.*'sgd'"),
        (lambda: callbacks.EarlyStopping(mode="maximum"), "unknown mode 'maximum'.*'max'"),
        (lambda: dense_model(loss="mean_sqared_error"), "'mean_squared_error'"),
    ],
)
def test_unknown_names(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message}"):
        call()


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": -0.1},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"momentum": float("inf")},
        {"nesterov": True},
        {"weight_decay": -1.0},
    ],
)
def test_optimizer_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        optimizers.SGD(**options)


def test_a_bad_rate_from_a_function(blobs: Data) -> None:
    model = dense_model(optimizer=optimizers.SGD(lambda step: -1.0 if step else 0.1))
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(*blobs, verbose=0)
    model = dense_model(optimizer=optimizers.SGD(lambda step: "fast"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="learning_rate"):
        model.fit(*blobs, verbose=0)


def test_a_loss_that_is_no_number_stops_the_training(blobs: Data) -> None:
    x, y = blobs
    x = x.copy()
    x[:] = np.nan
    model = dense_model()
    before = model.get_weights()
    ended: list[bool] = []
    watcher = callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(True))
    with pytest.raises(FloatingPointError, match="step") as caught:
        model.fit(x, y, verbose=1, callbacks=[watcher])
    assert "input data" in str(caught.value)
    assert ended == [True]
    for one, other in zip(before, model.get_weights(), strict=True):
        assert_array_equal(one, other)
    assert np.isfinite(model.fit(*blobs, verbose=0).history["loss"]).all()


def test_the_steps_before_a_loss_that_is_not_finite_count(blobs: Data) -> None:
    x, y = blobs[0].copy(), blobs[1]
    x[40] = np.nan
    model = dense_model()
    with pytest.raises(FloatingPointError, match=r"^epoch 1, step 6 of 12"):
        model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    assert model.optimizer.iterations == 5


def test_the_first_layer_to_blame_is_named(blobs: Data) -> None:
    model = dense_model()
    weights = model.get_weights()
    weights[2][0, 0] = np.inf
    model.set_weights(weights)
    with pytest.raises(FloatingPointError, match=r"step 1 .*'dense_1'"):
        model.fit(*blobs, verbose=0)


def test_a_rate_far_too_high_is_noticed(digits: Data) -> None:
    model = conv_model()
    model.optimizer.learning_rate = 1e30
    with pytest.raises(FloatingPointError, match="step"):
        model.fit(*digits, epochs=20, verbose=0)


def test_another_thread_is_refused_while_one_trains(blobs: Data) -> None:
    model = dense_model()
    errors: list[BaseException | None] = []

    def use(call: Callable[[], Any]) -> None:
        try:
            call()
            errors.append(None)
        except BaseException as error:
            errors.append(error)

    def from_another_thread(epoch: int, logs: Any) -> None:
        for call in (
            lambda: model.fit(*blobs, verbose=0),
            lambda: model.evaluate(*blobs, verbose=0),
            lambda: model.predict(blobs[0], verbose=0),
            lambda: model.train_on_batch(*blobs),
            lambda: model.set_weights(model.get_weights()),
            lambda: model.compile("sgd", "mse"),
        ):
            thread = threading.Thread(target=use, args=(call,))
            thread.start()
            thread.join()

    watcher = callbacks.LambdaCallback(on_epoch_begin=from_another_thread)
    plain = dense_model()
    plain.set_weights(model.get_weights())
    model.fit(*blobs, shuffle=False, verbose=0, callbacks=[watcher])
    assert len(errors) == 6
    for error in errors:
        assert isinstance(error, RuntimeError) and "another thread" in str(error)
    plain.fit(*blobs, shuffle=False, verbose=0)
    assert_array_equal(model.get_weights()[0], plain.get_weights()[0])
    thread = threading.Thread(target=use, args=(lambda: model.fit(*blobs, verbose=0),))
    thread.start()
    thread.join()
    assert errors[-1] is None


@pytest.mark.parametrize(
    "output",
    [
        [layers.Dense(1, input_shape=(4,))],
        [layers.Rescaling(2.0, input_shape=(4, 3))],
    ],
    ids=["one number", "rank 2"],
)
def test_accuracy_needs_classes(output: list[layers.Layer]) -> None:
    model = pycnn.Sequential(output)
    with pytest.raises(ValueError, match=r"accuracy.*\(None, classes\) with at least 2 classes"):
        model.compile("sgd", "mse", metrics=["accuracy"])


def test_accuracy_needs_classes_once_the_shape_is_known() -> None:
    model = pycnn.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    with pytest.raises(ValueError, match=r"accuracy.*at least 2 classes; .*\(None, 1\)"):
        model.fit(np.zeros((4, 3)), np.zeros((4, 1)), verbose=0)
