"""Callbacks: what happens at the joints of fit, evaluate and predict; Keras's hook names."""

import contextlib
import csv
import inspect
import math
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from pycnn._arrays import Array
from pycnn._checks import boolean, finite_float, positive_int
from pycnn._names import known_name

if TYPE_CHECKING:
    from pycnn.model import Model

Logs = dict[str, float]


class Callback:
    """Base of all callbacks: override the hooks that you want.

    While it runs, `model` is the model and `params` has "epochs", "steps" and "verbose". Hooks
    may evaluate, predict, read and set weights, save, set `model.stop_training` and
    `model.optimizer.learning_rate`. A batch hook makes fit go step by step, which is slower.
    """

    model: "Model"
    params: dict[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        # A model cannot be pickled; what a callback has kept can, without it.
        return {name: value for name, value in vars(self).items() if name != "model"}

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes the number of epochs, of steps in one, and verbose."""
        self.params = params

    def set_model(self, model: "Model") -> None:
        """Takes the model."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, after Ctrl-C or an error too; `logs` of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation; what it adds to `logs` the next callback sees."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a step, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a step; `logs` are means since the epoch began."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before evaluate, and before the validation in fit."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After evaluate, and after the validation in fit."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of evaluate."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of evaluate; `logs` are means since its beginning."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before predict."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After predict."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of predict; `logs["outputs"]` is what it gave."""


class CallbackList:
    """Calls the same hook of several callbacks, in order."""

    def __init__(
        self, callbacks: Iterable[Callback], model: "Model", params: dict[str, Any]
    ) -> None:
        self._callbacks = list(callbacks)
        self._begun: list[Callback] = []
        for callback in self._callbacks:
            callback.set_params(params)
            callback.set_model(model)

    def call(self, hook: str, *arguments: Any) -> None:
        """Calls one hook of every callback."""
        for callback in self._callbacks:
            getattr(callback, hook)(*arguments)

    def begin_training(self) -> None:
        """Calls on_train_begin of every callback, until one raises."""
        self._begun.clear()
        for callback in self._callbacks:
            callback.on_train_begin({})
            self._begun.append(callback)

    def end_training(self, logs: Logs) -> None:
        """Calls on_train_end of those that have begun, of all even when one raises."""
        with contextlib.ExitStack() as stack:
            while self._begun:  # the stack calls the last one first
                stack.callback(self._begun.pop().on_train_end, logs)

    def wants_batches(self, phase: str) -> bool:
        """Whether any callback has a batch hook of its own for "train", "test" or "predict"."""
        if not self._callbacks:
            return False
        hooks = [f"on_{phase}_batch_begin", f"on_{phase}_batch_end"]
        if phase == "train":
            hooks += ["on_batch_begin", "on_batch_end"]
        return any(_overrides(callback, hook) for callback in self._callbacks for hook in hooks)


def _overrides(callback: Callback, hook: str) -> bool:
    method = getattr(callback, hook)
    return getattr(method, "__func__", method) is not getattr(Callback, hook)


def checked_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """Returns callbacks given as None, as one, or as several.

    Raises:
        TypeError: something else than a Callback.
    """
    if callbacks is None:
        return ()
    items = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    for item in items:
        if not isinstance(item, Callback):
            raise TypeError(f"expected a pycnn.callbacks.Callback; received {item!r}")
    return items


class History(Callback):
    """Keeps the logs of every epoch; `fit` returns one.

    Attributes:
        history: lists by name: "loss", each metric, and both with "val_" before.
        epoch: numbers of the epochs.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the logs of an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """A callback from functions.

    Args:
        hooks: functions by the name of their hook, e.g.
            ``on_epoch_end=lambda epoch, logs: print(epoch)``.

    Raises:
        ValueError: there is no hook of that name.
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        known = [name for name in dir(Callback) if name.startswith("on_")]
        for name, function in hooks.items():
            known_name("hook", name, known, "[LambdaCallback] ")
            if function is not None:
                setattr(self, name, function)


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch and logs it as "learning_rate".

    Args:
        schedule: function of the epoch (from 0), or of the epoch and the present rate.
        verbose: 1 prints the rate.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self._schedule = schedule
        self._verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Sets the rate."""
        rate = self.model.optimizer.learning_rate
        if callable(rate):
            raise ValueError(
                "[LearningRateScheduler] the optimizer's learning_rate is a function already"
            )
        arguments = (epoch, rate) if self._takes_rate else (epoch,)
        self.model.optimizer.learning_rate = self._schedule(*arguments)
        if self._verbose:
            print(f"Epoch {epoch + 1}: learning rate {self.model.optimizer.learning_rate:.6g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Logs the rate."""
        if logs is not None:
            optimizer = self.model.optimizer
            logs["learning_rate"] = optimizer.rate_at(optimizer.iterations)


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return False
    return True


class _Monitor:
    """Watches one name of the logs: which of two values is better."""

    def __init__(self, monitor: str, mode: str, min_delta: float, where: str) -> None:
        self.name = monitor
        known_name("mode", mode, ("auto", "min", "max"), where)
        more_is_better = "acc" in monitor if mode == "auto" else mode == "max"
        self._sign = 1.0 if more_is_better else -1.0
        self._delta = abs(finite_float(min_delta, "min_delta", where))
        self._where = where
        self.best = -self._sign * math.inf

    def value(self, logs: Logs | None) -> float:
        known = logs or {}
        if self.name not in known:
            raise ValueError(
                f"{self._where}monitor {self.name!r} is not in the logs: {', '.join(known)}"
            )
        return known[self.name]

    def improves(self, value: float, best: float) -> bool:
        return self._sign * (value - best) > self._delta


class EarlyStopping(Callback):
    """Stops the training when a value no longer improves.

    Args:
        monitor: name in the logs.
        min_delta: least change that counts.
        patience: epochs without improvement before the training stops.
        verbose: 1 says when it stops.
        mode: "min", "max", or "auto": max for names with "acc" in them.
        baseline: value that must be beaten.
        restore_best_weights: whether the weights of the best epoch come back at the end.
        start_from_epoch: epochs before it are not watched.

    Attributes:
        stopped_epoch: where it stopped, 0 when it did not.
        best: the best value so far.
        best_epoch: its epoch.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        where = "[EarlyStopping] "
        self._monitor = _Monitor(monitor, mode, min_delta, where)
        self.patience = positive_int(patience, "patience", where, minimum=0)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = boolean(restore_best_weights, "restore_best_weights", where)
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier training."""
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best = self._monitor.best
        self._best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compares, and stops when patience is at an end."""
        value = self._monitor.value(logs)
        if epoch < self.start_from_epoch:
            return
        if self._best_weights is None and self.restore_best_weights:
            self._best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if self._monitor.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            if self.baseline is None or self._monitor.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:  # as in Keras: the first is no reason
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Says so, and brings the best weights back."""
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)


class ModelCheckpoint(Callback):
    """Saves the model after each epoch.

    Args:
        filepath: may hold names of the logs: ``"m-{epoch:02d}-{val_loss:.2f}.safetensors"``
            (epoch from 1).
        monitor: name in the logs, for `save_best_only`.
        verbose: 1 says what was saved.
        save_best_only: whether only improvements are saved.
        save_weights_only: weights without the architecture.
        mode: "min", "max", or "auto": max for names with "acc" in them.
        initial_value_threshold: value that must be beaten.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath = os.fspath(filepath)
        where = "[ModelCheckpoint] "
        self._monitor = _Monitor(monitor, mode, 0.0, where)
        self.verbose = verbose
        self.save_best_only = boolean(save_best_only, "save_best_only", where)
        self.save_weights_only = boolean(save_weights_only, "save_weights_only", where)
        threshold = initial_value_threshold
        self.best = self._monitor.best if threshold is None else threshold

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves."""
        if self.save_best_only:
            value = self._monitor.value(logs)
            if not self._monitor.improves(value, self.best):
                return
            self.best = value
        path = self.filepath.format(**{**(logs or {}), "epoch": epoch + 1})
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved to {path}")


class CSVLogger(Callback):
    """Writes the logs of every epoch to a CSV file, readable while the training runs.

    Args:
        filename: of the file.
        separator: between values.
        append: whether to go on with a file that exists.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = boolean(append, "append", "[CSVLogger] ")
        self._file: TextIO | None = None
        self._writer: csv.DictWriter[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Opens the file."""
        self._writer = None
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes a line, before the first one the names."""
        row = {"epoch": epoch, **(logs or {})}
        assert self._file is not None
        if self._writer is None:
            self._writer = csv.DictWriter(
                self._file, list(row), delimiter=self.separator, extrasaction="ignore"
            )
            if self._file.tell() == 0:
                self._writer.writeheader()
        self._writer.writerow(row)
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
