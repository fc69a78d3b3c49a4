"""fit, evaluate, predict and train_on_batch."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_models import conv_model, dense_model

import pycnn
from pycnn import layers, optimizers

Data = tuple[np.ndarray, np.ndarray]


def test_history_has_a_value_per_epoch(blobs: Data) -> None:
    history = dense_model().fit(*blobs, epochs=3, verbose=0, validation_data=blobs)
    assert history.epoch == [0, 1, 2]
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 3 for values in history.history.values())
    assert history.history["loss"][2] < history.history["loss"][0]


def test_evaluate_agrees_with_predict(digits: Data) -> None:
    x, y = digits
    model = conv_model()
    model.fit(x, y, epochs=2, verbose=0)
    loss, accuracy = model.evaluate(x, y, batch_size=50, verbose=0)  # type: ignore[misc]
    predictions = model.predict(x, batch_size=33, verbose=0).astype(np.float64)
    assert accuracy == pytest.approx((predictions.argmax(1) == y).mean())
    picked = predictions[np.arange(len(y)), y]
    assert loss == pytest.approx(-np.log(picked).mean(), rel=1e-4)


def test_evaluate_gives_a_number_a_list_or_a_dict(blobs: Data) -> None:
    alone = dense_model(metrics=None).evaluate(*blobs, verbose=0)
    assert isinstance(alone, float)
    assert isinstance(dense_model().evaluate(*blobs, verbose=0), list)
    named = dense_model().evaluate(*blobs, verbose=0, return_dict=True)
    assert isinstance(named, dict) and list(named) == ["loss", "accuracy"]


def test_validation_split_takes_the_end(blobs: Data) -> None:
    x, y = blobs
    split, given = dense_model(), dense_model()
    given.set_weights(split.get_weights())
    first = split.fit(x, y, epochs=2, validation_split=0.25, shuffle=False, verbose=0)
    second = given.fit(
        x[:72], y[:72], epochs=2, validation_data=(x[72:], y[72:]), shuffle=False, verbose=0
    )
    assert first.history == second.history


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, 0.999, float("nan")])
def test_validation_split_out_of_range(blobs: Data, share: float) -> None:
    with pytest.raises(ValueError, match="validation_split"):
        dense_model().fit(*blobs, validation_split=share, verbose=0)


def test_initial_epoch_goes_on(blobs: Data) -> None:
    model = dense_model()
    assert model.fit(*blobs, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    assert model.fit(*blobs, epochs=3, initial_epoch=3, verbose=0).epoch == []


def test_two_fits_are_one(blobs: Data) -> None:
    whole, parts = dense_model(), dense_model()
    parts.set_weights(whole.get_weights())
    whole.fit(*blobs, epochs=3, shuffle=False, verbose=0)
    for epoch in range(3):
        parts.fit(*blobs, epochs=epoch + 1, initial_epoch=epoch, shuffle=False, verbose=0)
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        assert_array_equal(one, other)


def test_one_seed_one_result(digits: Data) -> None:
    def losses(seed: int) -> list[float]:
        pycnn.set_random_seed(seed)
        return conv_model().fit(*digits, epochs=2, verbose=0).history["loss"]

    assert losses(5) == losses(5)
    assert losses(5) != losses(6)


def test_shuffling_changes_the_order(blobs: Data) -> None:
    shuffled, ordered = dense_model(), dense_model()
    ordered.set_weights(shuffled.get_weights())
    shuffled.fit(*blobs, verbose=0)
    ordered.fit(*blobs, shuffle=False, verbose=0)
    assert (shuffled.get_weights()[0] != ordered.get_weights()[0]).any()


def test_a_callable_rate_is_asked_every_step(blobs: Data) -> None:
    steps: list[int] = []

    def rate(step: int) -> float:
        steps.append(step)
        return 0.0 if step < 6 else 0.1

    model = dense_model(optimizer=optimizers.SGD(rate))
    before = model.get_weights()
    model.fit(*blobs, batch_size=32, epochs=2, verbose=0)  # six steps at rate 0
    for one, other in zip(before, model.get_weights(), strict=True):
        assert_array_equal(one, other)
    assert model.optimizer.iterations == 6
    model.fit(*blobs, batch_size=32, verbose=0)
    assert (model.get_weights()[0] != before[0]).any()
    assert model.optimizer.iterations == 9
    assert set(steps) == set(range(9))


def test_a_callable_rate_equals_the_same_number(blobs: Data) -> None:
    models = [dense_model(optimizer=optimizers.SGD(rate)) for rate in (0.1, lambda step: 0.1)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.fit(*blobs, shuffle=False, verbose=0)
    assert_array_equal(models[0].get_weights()[0], models[1].get_weights()[0])


def test_train_on_batch_is_a_step_of_fit(blobs: Data) -> None:
    x, y = blobs
    batches, fitted = dense_model(), dense_model()
    batches.set_weights(fitted.get_weights())
    for start in range(0, 96, 40):
        result = batches.train_on_batch(x[start : start + 40], y[start : start + 40])
        assert isinstance(result, list) and len(result) == 2
    fitted.fit(x, y, batch_size=40, shuffle=False, verbose=0)
    for one, other in zip(batches.get_weights(), fitted.get_weights(), strict=True):
        assert_array_equal(one, other)


def test_sgd_is_the_written_rule() -> None:
    """A dense layer on mean squared error: the gradient is known."""
    x = np.array([[1.0, 2.0]], np.float32)
    y = np.array([[3.0]], np.float32)
    for nesterov in (False, True):
        model = pycnn.Sequential([layers.Dense(1, use_bias=False, input_shape=(2,))])
        options = {"momentum": 0.5, "nesterov": nesterov, "weight_decay": 0.01}
        model.compile(optimizers.SGD(0.1, **options), "mse")  # type: ignore[arg-type]
        model.set_weights([np.array([[0.5], [0.25]])])
        w, v = np.array([[0.5], [0.25]]), np.zeros((2, 1))
        for _ in range(3):
            gradient = 2 * x.T @ (x @ w - y)
            w = w - 0.1 * 0.01 * w
            v = 0.5 * v - 0.1 * gradient
            w = w + (0.5 * v - 0.1 * gradient if nesterov else v)
            model.train_on_batch(x, y)
        np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-5)


def test_one_hot_labels_and_logits_give_the_same_training(blobs: Data) -> None:
    x, y = blobs
    sparse = dense_model()
    one_hot = dense_model(
        loss="categorical_crossentropy", optimizer=optimizers.SGD(0.1, momentum=0.9)
    )
    logits = pycnn.Sequential(
        [layers.Dense(8, activation="tanh", input_shape=(4,)), layers.Dense(4)]
    )
    logits.compile(
        optimizers.SGD(0.1, momentum=0.9),
        pycnn.losses.SparseCategoricalCrossentropy(from_logits=True),
        ["accuracy"],
    )
    targets = [y, np.eye(4)[y], y]
    results = []
    for model, labels in zip((sparse, one_hot, logits), targets, strict=True):
        model.set_weights(sparse.get_weights() if model is sparse else results[0][1])
        start = model.get_weights()
        history = model.fit(x, labels, epochs=2, shuffle=False, verbose=0).history
        results.append((history, start))
    for history, _ in results[1:]:
        np.testing.assert_allclose(history["loss"], results[0][0]["loss"], rtol=1e-4)
        assert history["accuracy"] == results[0][0]["accuracy"]


def test_top_k_accuracies(blobs: Data) -> None:
    model = dense_model(
        metrics=[
            "accuracy",
            pycnn.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2"),
            pycnn.metrics.SparseTopKCategoricalAccuracy(k=4, name="top4"),
        ]
    )
    logs = model.evaluate(*blobs, verbose=0, return_dict=True)
    assert isinstance(logs, dict)
    order = model.predict(blobs[0], verbose=0).argsort(axis=1)[:, ::-1]
    expected = [(order[:, :k] == blobs[1][:, None]).any(axis=1).mean() for k in (1, 2, 4)]
    assert list(logs.values())[1:] == pytest.approx(expected)
    assert logs["top4"] == 1.0


def test_weights_are_copies_in_layer_order() -> None:
    model = conv_model()
    shapes = [weight.shape for weight in model.get_weights()]
    assert shapes == [(5, 5, 1, 4), (4,), (3, 3, 4, 8), (8,), (72, 10), (10,)]
    model.get_weights()[1][:] = 7
    assert (model.get_weights()[1] == 0).all()


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto", True, False])
def test_verbose(blobs: Data, verbose: int | str, capfd: pytest.CaptureFixture[str]) -> None:
    dense_model().fit(*blobs, epochs=2, verbose=verbose)
    out, err = capfd.readouterr()
    shown = {0: "", 1: err, 2: out, "auto": err}[verbose]
    if verbose:
        for text in ("Epoch 2/2", "loss", "accuracy", "images/s"):
            assert text in shown
    else:
        assert out == err == ""


def test_empty_batches_of_options_are_refused(blobs: Data) -> None:
    for options in ({"batch_size": 0}, {"epochs": 0}, {"initial_epoch": -1}, {"verbose": 3}):
        with pytest.raises(ValueError, match=next(iter(options))):
            dense_model().fit(*blobs, **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="batch_size"):
        dense_model().fit(*blobs, batch_size=2.5)  # type: ignore[arg-type]


def test_not_compiled_is_said(blobs: Data) -> None:
    model = pycnn.Sequential([layers.Dense(4, input_shape=(4,))])
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(RuntimeError, match="compile"):
            call(*blobs)
    model.compile()
    with pytest.raises(RuntimeError, match="loss"):
        model.fit(*blobs)
    assert model.predict(blobs[0], verbose=0).shape == (96, 4)


def test_a_metric_for_other_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="one_hot"):
        dense_model(metrics=["categorical_accuracy"])
    with pytest.raises(ValueError, match="names of their own"):
        dense_model(metrics=["accuracy", "accuracy"])


def test_a_refused_compile_leaves_the_old_one(blobs: Data) -> None:
    model = dense_model()
    expected = model.evaluate(*blobs, verbose=0)
    with pytest.raises(ValueError, match="9"):
        model.compile(
            "sgd",
            "sparse_categorical_crossentropy",
            [pycnn.metrics.SparseTopKCategoricalAccuracy(k=9)],
        )
    assert model.evaluate(*blobs, verbose=0) == expected


def test_confusion_matrix() -> None:
    matrix = pycnn.metrics.confusion_matrix([0, 0, 1, 2], [0, 2, 1, 2], 3)
    assert_array_equal(matrix, [[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    assert matrix.dtype == np.int64
    with pytest.raises(ValueError, match="y_pred"):
        pycnn.metrics.confusion_matrix([0], [3], 3)
    with pytest.raises(ValueError, match="same number"):
        pycnn.metrics.confusion_matrix([0, 1], [0], 3)


def test_losses_are_callable() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], np.float32)
    sparse = pycnn.losses.SparseCategoricalCrossentropy()
    assert sparse([0, 1], p) == pytest.approx(-np.log([0.7, 0.8]).mean(), rel=1e-5)
    assert sparse([0, 1], p) == pytest.approx(
        pycnn.losses.CategoricalCrossentropy()(np.eye(3)[:2], p), rel=1e-6
    )
    logits = pycnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert logits([0, 1], np.log(p)) == pytest.approx(sparse([0, 1], p), rel=1e-5)
    assert pycnn.losses.MeanSquaredError()(p + 1, p) == pytest.approx(1, rel=1e-5)
