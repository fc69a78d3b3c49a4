"""Callbacks: the order of the hooks, what they may do, and the ones that come with pycnn."""

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_models import dense_model

import pycnn
from pycnn import callbacks

Data = tuple[np.ndarray, np.ndarray]


class Recorder(callbacks.Callback):
    """Writes down every call."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("train begin")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("train end")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch begin", epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch end", epoch, set(logs)))

    def on_test_begin(self, logs: Any = None) -> None:
        self.calls.append("test begin")

    def on_test_end(self, logs: Any = None) -> None:
        self.calls.append(("test end", set(logs)))


class BatchRecorder(Recorder):
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch begin", batch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch end", batch))


NAMES = {"loss", "accuracy"}


def test_order_of_the_hooks(blobs: Data) -> None:
    recorder = Recorder()
    dense_model().fit(*blobs, epochs=2, verbose=0, callbacks=[recorder])
    assert recorder.calls == [
        "train begin",
        ("epoch begin", 0),
        ("epoch end", 0, NAMES),
        ("epoch begin", 1),
        ("epoch end", 1, NAMES),
        "train end",
    ]


def test_order_with_batches_and_validation(blobs: Data) -> None:
    recorder = BatchRecorder()
    dense_model().fit(*blobs, batch_size=50, verbose=0, callbacks=recorder, validation_data=blobs)
    assert recorder.calls == [
        "train begin",
        ("epoch begin", 0),
        ("batch begin", 0),
        ("batch end", 0),
        ("batch begin", 1),
        ("batch end", 1),
        "test begin",
        ("test end", NAMES),
        ("epoch end", 0, NAMES | {"val_loss", "val_accuracy"}),
        "train end",
    ]
    assert recorder.params == {"epochs": 1, "steps": 2, "verbose": 0}


def test_batch_hooks_do_not_change_the_training(blobs: Data) -> None:
    plain, hooked = dense_model(), dense_model()
    hooked.set_weights(plain.get_weights())
    first = plain.fit(*blobs, batch_size=20, epochs=2, shuffle=False, verbose=0)
    second = hooked.fit(
        *blobs, batch_size=20, epochs=2, shuffle=False, verbose=0, callbacks=[BatchRecorder()]
    )
    assert first.history == second.history
    for one, other in zip(plain.get_weights(), hooked.get_weights(), strict=True):
        assert_array_equal(one, other)


def test_callbacks_of_compile_come_first(blobs: Data) -> None:
    order: list[str] = []
    first = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: order.append("compile"))
    second = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: order.append("fit"))
    model = dense_model(callbacks=[first])
    model.fit(*blobs, verbose=0, callbacks=[second])
    assert order == ["compile", "fit"]


def test_a_callback_may_use_the_model(blobs: Data, tmp_path: Path) -> None:
    class Busy(callbacks.Callback):
        done = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.use()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.use()

        def use(self) -> None:
            weights = self.model.get_weights()
            self.model.evaluate(*blobs, verbose=0)
            self.model.predict(blobs[0], verbose=0)
            self.model.set_weights(weights)
            self.model.save(tmp_path / "m")
            self.done += 1

    used, plain = dense_model(), dense_model()
    used.set_weights(plain.get_weights())
    busy = Busy()
    used.fit(*blobs, epochs=2, shuffle=False, verbose=0, callbacks=[busy])
    plain.fit(*blobs, epochs=2, shuffle=False, verbose=0)
    assert busy.done == 8
    assert_array_equal(used.get_weights()[0], plain.get_weights()[0])


def test_what_would_break_a_running_fit_is_refused(blobs: Data) -> None:
    model = dense_model()
    seen: list[str] = []

    def attempt(epoch: int, logs: Any) -> None:
        for call in (
            lambda: model.fit(*blobs),
            lambda: model.compile("sgd", "mse"),
            lambda: model.add(pycnn.layers.Flatten()),
        ):
            with pytest.raises(RuntimeError, match="while fit runs"):
                call()
            seen.append("refused")

    model.fit(*blobs, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=attempt)])
    assert seen == ["refused"] * 3
    model.fit(*blobs, verbose=0)


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_epoch_end"])
def test_stop_training(blobs: Data, hook: str) -> None:
    model = dense_model()

    def stop(number: int, logs: Any) -> None:
        model.stop_training = number == 1

    history = model.fit(
        *blobs, epochs=9, verbose=0, callbacks=[callbacks.LambdaCallback(**{hook: stop})]
    )
    assert len(history.epoch) == (1 if "batch" in hook else 2)
    assert model.optimizer.iterations == (2 if "batch" in hook else 6)
    assert len(model.fit(*blobs, epochs=2, verbose=0).epoch) == 2


def test_an_error_in_a_callback_ends_the_others(blobs: Data) -> None:
    recorder = Recorder()
    failing = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 / 0)
    model = dense_model()
    with pytest.raises(ZeroDivisionError):
        model.fit(*blobs, verbose=1, callbacks=[recorder, failing])
    assert recorder.calls[-1] == "train end"
    model.fit(*blobs, verbose=0)


def test_test_and_predict_hooks(blobs: Data) -> None:
    seen: list[Any] = []
    watcher = callbacks.LambdaCallback(
        on_test_batch_end=lambda batch, logs: seen.append((batch, dict(logs))),
        on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"].shape),
    )
    model = dense_model()
    whole = model.evaluate(*blobs, batch_size=40, verbose=0)
    split = model.evaluate(*blobs, batch_size=40, verbose=0, callbacks=watcher)
    assert split == pytest.approx(whole)
    assert [batch for batch, _ in seen] == [0, 1, 2]
    seen.clear()
    outputs = model.predict(blobs[0], batch_size=40, verbose=0, callbacks=watcher)
    assert seen == [(40, 4), (40, 4), (16, 4)]
    assert_array_equal(outputs, model.predict(blobs[0], verbose=0))


def test_scheduler_sets_and_logs_the_rate(blobs: Data) -> None:
    model = dense_model(optimizer=pycnn.optimizers.SGD(0.5))
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.01 * 0.6**epoch)
    history = model.fit(*blobs, epochs=3, verbose=0, callbacks=[schedule]).history
    assert history["learning_rate"] == pytest.approx([0.01, 0.006, 0.0036])
    halving = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(*blobs, epochs=2, verbose=0, callbacks=[halving]).history
    assert history["learning_rate"] == pytest.approx([0.0018, 0.0009])


def test_the_scheduled_rate_is_used(blobs: Data) -> None:
    model = dense_model()
    before = model.get_weights()
    still = callbacks.LearningRateScheduler(lambda epoch: 0.0)
    model.fit(*blobs, verbose=0, callbacks=[still])
    assert_array_equal(model.get_weights()[0], before[0])


def test_a_rate_set_in_a_batch_holds_from_the_next_step(blobs: Data) -> None:
    model = dense_model(optimizer=pycnn.optimizers.SGD(0.1))
    seen: list[np.ndarray] = []

    class StopAfterOne(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.0
            seen.append(self.model.get_weights()[0])

    model.fit(*blobs, batch_size=32, verbose=0, callbacks=[StopAfterOne()])
    assert_array_equal(seen[0], seen[2])


def test_early_stopping_restores_the_best_weights(blobs: Data) -> None:
    model = dense_model()
    losses = iter([3.0, 1.0, 2.0, 2.5, 0.5])
    weights: list[np.ndarray] = []

    class Pretend(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["val_loss"] = next(losses)
            weights.append(self.model.get_weights()[0])

    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = model.fit(*blobs, epochs=5, verbose=0, callbacks=[Pretend(), stopping])
    assert history.history["val_loss"] == [3.0, 1.0, 2.0, 2.5]
    assert (stopping.stopped_epoch, stopping.best_epoch, stopping.best) == (3, 1, 1.0)
    assert_array_equal(model.get_weights()[0], weights[1])


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({"monitor": "val_accuracy"}, [0.1, 0.5, 0.4, 0.6], 3),
        ({"monitor": "val_loss", "min_delta": 0.2}, [1.0, 0.9, 0.1, 0.1], 2),
        ({"monitor": "val_loss", "start_from_epoch": 2}, [1.0, 2.0, 3.0, 4.0, 5.0], 4),
        ({"monitor": "x", "mode": "max", "patience": 2}, [1.0, 2.0, 1.0, 3.0, 3.0], 5),
        ({"monitor": "val_loss", "baseline": 0.5}, [0.9, 0.8, 0.7], 3),
    ],
)
def test_early_stopping_options(
    blobs: Data, options: dict[str, Any], values: list[float], epochs: int
) -> None:
    given = iter([*values, *[9.9] * 9])
    pretend = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update({options["monitor"]: next(given)})
    )
    stopping = callbacks.EarlyStopping(**options)
    history = dense_model().fit(
        *blobs, epochs=len(values), verbose=0, callbacks=[pretend, stopping]
    )
    assert len(history.epoch) == epochs


def test_an_unknown_monitor_is_named(blobs: Data) -> None:
    with pytest.raises(ValueError, match=r"'val_loss' is not in the logs: loss, accuracy"):
        dense_model().fit(*blobs, verbose=0, callbacks=[callbacks.EarlyStopping()])


def test_checkpoints(blobs: Data, tmp_path: Path) -> None:
    model = dense_model()
    losses = iter([3.0, 1.0, 2.0])
    pretend = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(val_loss=next(losses))
    )
    every = callbacks.ModelCheckpoint(tmp_path / "every-{epoch:02d}-{val_loss:.1f}")
    best = callbacks.ModelCheckpoint(tmp_path / "best-{epoch}", save_best_only=True)
    alone = callbacks.ModelCheckpoint(tmp_path / "weights", save_weights_only=True)
    model.fit(*blobs, epochs=3, verbose=0, callbacks=[pretend, every, best, alone])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-1",
        "best-2",
        "every-01-3.0",
        "every-02-1.0",
        "every-03-2.0",
        "weights",
    ]
    last = pycnn.load_model(tmp_path / "every-03-2.0")
    assert_array_equal(last.get_weights()[0], model.get_weights()[0])
    last.load_weights(tmp_path / "weights")


def test_csv_logger(blobs: Data, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    history = dense_model().fit(*blobs, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path)])
    dense_model().fit(*blobs, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows[:2]] == history.history["loss"]


def test_what_is_no_callback_is_refused(blobs: Data) -> None:
    with pytest.raises(TypeError, match="Callback"):
        dense_model().fit(*blobs, callbacks=[lambda: None])
    with pytest.raises(ValueError, match="on_epoch_end"):
        callbacks.LambdaCallback(on_epoch_ends=lambda epoch, logs: None)


def test_an_error_in_on_train_begin_ends_those_before(blobs: Data, tmp_path: Path) -> None:
    class Failing(callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            raise ZeroDivisionError

    before, after = Recorder(), Recorder()
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    with pytest.raises(ZeroDivisionError):
        dense_model().fit(*blobs, verbose=0, callbacks=[before, logger, Failing(), after])
    assert before.calls == ["train begin", "train end"] and after.calls == []
    assert logger._file is None


def test_an_error_in_on_train_end_ends_the_others_still(blobs: Data) -> None:
    class Failing(callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            raise ZeroDivisionError

    before, after = Recorder(), Recorder()
    with pytest.raises(ZeroDivisionError):
        dense_model().fit(*blobs, verbose=0, callbacks=[before, Failing(), after])
    assert before.calls[-1] == after.calls[-1] == "train end"


@pytest.mark.parametrize(
    ("values", "stopped"),
    [([np.nan, 1.0, 2.0], 2), ([1.0, np.nan, 2.0], 1), ([np.nan, np.nan, 1.0], 1)],
)
def test_early_stopping_without_patience_needs_a_second_epoch(
    values: list[float], stopped: int
) -> None:
    stopping = callbacks.EarlyStopping("loss")
    stopping.set_model(dense_model())
    stopping.on_train_begin()
    for epoch, value in enumerate(values):
        stopping.on_epoch_end(epoch, {"loss": value})
        if stopping.model.stop_training:
            break
    assert stopping.stopped_epoch == epoch == stopped


def test_history_can_be_pickled_without_its_model(blobs: Data) -> None:
    history = dense_model().fit(*blobs, epochs=2, verbose=0)
    again = pickle.loads(pickle.dumps(history))
    assert again.history == history.history and again.epoch == [0, 1]
    assert again.params == history.params and not hasattr(again, "model")
