"""fit: epochs, callbacks and the progress bar around the native trainer."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pycnn import _core, _inference
from pycnn._arrays import Array
from pycnn._checks import boolean, finite_float, positive_int
from pycnn._compiled import Compiled
from pycnn._inference import Data, batch
from pycnn._progress import checked_verbose, progress_display
from pycnn.callbacks import Callback, CallbackList, History

if TYPE_CHECKING:
    from pycnn.model import Model

# How long the core trains before Python moves the bar and looks at callbacks.
_MAX_SECONDS = 0.1
# Steps whose learning rates are handed over at once; a change of the rate waits for no more.
_MAX_STEPS = 512


@dataclass(frozen=True)
class FitOptions:
    """What `fit` was asked to do, checked."""

    batch_size: int
    epochs: int
    verbose: int
    shuffle: bool
    initial_epoch: int

    @classmethod
    def checked(
        cls,
        batch_size: int | None,
        epochs: int,
        verbose: str | int,
        shuffle: bool,
        initial_epoch: int,
    ) -> "FitOptions":
        """Raises TypeError or ValueError for options that make no sense."""
        return cls(
            32 if batch_size is None else positive_int(batch_size, "batch_size"),
            positive_int(epochs, "epochs"),
            checked_verbose(verbose),
            boolean(shuffle, "shuffle"),
            positive_int(initial_epoch, "initial_epoch", minimum=0),
        )


class Training:
    """One call of `fit`."""

    def __init__(
        self,
        model: "Model",
        compiled: Compiled,
        data: tuple[Data, Data | None],
        callbacks: tuple[Callback, ...],
        options: FitOptions,
    ) -> None:
        (x, y), self._validation = data
        self._model = model
        self._compiled = compiled
        self._options = options
        self._weights = model._ready_weights()
        self._trainer = _core.Trainer(
            self._weights.store.network,
            x,
            y,
            batch_size=options.batch_size,
            shuffle=options.shuffle,
        )
        self._steps = self._trainer.steps_per_epoch
        self._history = History()
        self._callbacks = CallbackList(
            (*callbacks, self._history),
            model,
            {"epochs": options.epochs, "steps": self._steps, "verbose": options.verbose},
        )
        self._step_by_step = self._callbacks.wants_batches("train")
        self._display = progress_display(options.verbose, options.epochs, len(x[0]))

    def run(self) -> History:
        """Trains all epochs; callbacks end and the bar closes whatever happens."""
        logs: dict[str, float] = {}
        try:
            self._callbacks.begin_training()
            for epoch in range(self._options.initial_epoch, self._options.epochs):
                logs = self._epoch(epoch)
                if self._model.stop_training:
                    break
        finally:
            self._display.close()
            self._callbacks.end_training(logs)
        return self._history

    def _epoch(self, epoch: int) -> dict[str, float]:
        self._callbacks.call("on_epoch_begin", epoch, {})
        self._display.begin(epoch)
        self._trainer.start_epoch()
        try:
            logs = self._train()
        except FloatingPointError as error:  # the core says the step
            raise FloatingPointError(f"epoch {epoch + 1}, {error}") from None
        if self._validation is not None:
            measured = _inference.evaluate(
                self._weights,
                self._compiled,
                self._validation,
                self._options.batch_size,
                self._callbacks,
            )
            logs |= {f"val_{name}": value for name, value in measured.items()}
        self._display.end(logs)
        self._callbacks.call("on_epoch_end", epoch, logs)
        return logs

    def _train(self) -> dict[str, float]:
        step = 0
        logs: dict[str, float] = {}
        while step < self._steps and not self._model.stop_training:
            if self._step_by_step:
                self._callbacks.call("on_train_batch_begin", step, {})
            done = self._run(step)
            step = done.step
            logs = self._compiled.logs(done)
            if self._step_by_step:
                self._callbacks.call("on_train_batch_end", step - 1, logs)
            self._display.update(done.images, logs)
        return logs

    def _run(self, step: int) -> _core.Progress:
        """Does some of the steps from `step` on; those before an exception count as well."""
        try:
            with self._weights.changing():
                return self._trainer.run(self._learning_rates(step), _MAX_SECONDS)
        finally:
            self._compiled.optimizer.iterations += self._trainer.progress.step - step

    def _learning_rates(self, step: int) -> Array:
        """One rate for each of the next steps."""
        optimizer = self._compiled.optimizer
        count = 1 if self._step_by_step else min(self._steps - step, _MAX_STEPS)
        if callable(optimizer.learning_rate):
            first = optimizer.iterations
            rates = [optimizer.rate_at(first + i) for i in range(count)]
            return np.array(rates, dtype=np.float32)
        return np.full(count, optimizer.learning_rate, dtype=np.float32)


def split(data: Data, fraction: float) -> tuple[Data, Data | None]:
    """Returns the data for training and, from the end, those for validation.

    Raises:
        ValueError: `fraction` is not in [0, 1), or leaves one of the two parts empty.
    """
    share = finite_float(fraction, "validation_split")
    if not 0.0 <= share < 1.0:
        raise ValueError(f"validation_split must be in [0, 1); received {share}")
    if share == 0.0:
        return data, None
    images = len(data[0][0])
    at = math.floor(images * (1.0 - share))
    if at == 0 or at == images:
        raise ValueError(f"validation_split={share} of {images} images leaves one part empty")
    return batch(data, 0, at), batch(data, at, images)
