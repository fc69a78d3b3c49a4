"""Sequential: a chain of layers that learns."""

import os
from collections.abc import Iterable
from typing import Any

from pycnn import _arrays, _core, _inference, _training
from pycnn._arrays import Array
from pycnn._assembly import Assembly
from pycnn._checks import positive_int
from pycnn._compiled import Compiled
from pycnn._progress import checked_verbose
from pycnn._summary import summary_lines
from pycnn.callbacks import CallbackList, History, checked_callbacks
from pycnn.io import architecture, weights
from pycnn.layers import Input, Layer
from pycnn.optimizers import Optimizer

PathLike = str | os.PathLike[str]


class Sequential(Assembly):
    """A chain of layers, each fed by the one before.

    The shape of the input comes from `Input`, from ``input_shape=`` on the first layer, or from
    the first data. A thread that trains, evaluates or predicts has the model to itself; another
    one gets RuntimeError.

    Args:
        layers: to be added in order; see `add`.
        name: for messages and the summary.
    """

    def __init__(
        self, layers: Iterable[Layer | Input] | None = None, name: str | None = None
    ) -> None:
        super().__init__("sequential" if name is None else str(name))
        #: Set by a callback to end the training after the present step.
        self.stop_training = False
        for layer in layers or ():
            self.add(layer)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer given to `compile`."""
        return self._ready_compiled(need_loss=False).optimizer

    def compile(
        self,
        optimizer: str | Optimizer = "sgd",
        loss: Any = None,
        metrics: Any = None,
        callbacks: Any = None,
    ) -> None:
        """Says how to train; forgets what the optimizer remembers of an earlier training.

        Args:
            optimizer: a name, e.g. "adam", or one of `pycnn.optimizers`.
            loss: a name or one of `pycnn.losses`; None for a model that only predicts.
            metrics: names or objects of `pycnn.metrics`, e.g. ``["accuracy"]``.
            callbacks: called in every `fit`, before those given there.

        Raises:
            ValueError: an unknown name, or a loss or metric that does not go with the output.
            TypeError: neither a name nor an object of the kind.
            RuntimeError: called while `fit` runs, or the model is in use by another thread.
        """
        with self._exclusive():
            self._refuse_in_fit("compile")
            compiled = Compiled.of(optimizer, loss, metrics, callbacks)
            if self.built and self._layers:
                compiled.apply(self._ready_network())
            self._compiled = compiled

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = 32,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        initial_epoch: int = 0,
    ) -> History:
        """Trains on data in memory; Ctrl-C ends it with KeyboardInterrupt and a usable model.

        Args:
            x: images ``(images, *input_shape)``; uint8 and float32 are used in place.
            y: labels ``(images,)`` for a sparse loss, else ``(images, *output_shape)``.
            batch_size: images in a step; the last one of an epoch may be smaller.
            epochs: number of the epoch to end before, counted from 0.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 a line per epoch.
            callbacks: one or several `pycnn.callbacks.Callback`.
            validation_data: ``(x, y)`` to evaluate after each epoch.
            validation_split: share of the images, taken from the end before any shuffling, to
                evaluate instead of training on; unused with `validation_data`.
            shuffle: whether each epoch has an order of its own.
            initial_epoch: number of the first epoch, to go on with a training.

        Returns:
            the losses and metrics of every epoch.

        Raises:
            ValueError: data or options that do not fit the model; nothing is changed.
            TypeError: data that are not real numbers.
            FloatingPointError: the loss is no longer finite; names step and layer.
            RuntimeError: not compiled, `fit` within `fit`, or in use by another thread.
        """
        with self._exclusive():
            self._refuse_in_fit("another fit")
            compiled = self._ready_compiled()
            options = _training.FitOptions.checked(
                batch_size, epochs, verbose, shuffle, initial_epoch
            )
            chosen = compiled.callbacks + checked_callbacks(callbacks)
            with self._unbuilt_on_error():
                training = _training.Training(
                    self,
                    compiled,
                    self._training_data(x, y, validation_data, validation_split),
                    chosen,
                    options,
                )
            self._in_fit = True
            self.stop_training = False
            try:
                return training.run()
            finally:
                self._in_fit = False

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = 32,
        verbose: str | int = "auto",
        *,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """Measures loss and metrics.

        Args:
            x: images ``(images, *input_shape)``.
            y: labels, as in `fit`.
            batch_size: images at a time.
            verbose: 0 is silent, else a line with the result.
            callbacks: their test hooks are called.
            return_dict: whether the result is a dict by name.

        Returns:
            the loss, or ``[loss, metric, ...]`` when there are metrics.

        Raises:
            ValueError, TypeError, RuntimeError: as in `fit`.
        """
        with self._exclusive():
            compiled = self._ready_compiled()
            size = _checked_batch_size(batch_size)
            show = checked_verbose(verbose)
            with self._unbuilt_on_error():
                data = self._data(x, y, "x", "y")
                network = self._ready_network()
            listed = self._callback_list(callbacks, show, len(data[0]), size)
            logs = _inference.evaluate(network, compiled, data, size, listed, show)
            return logs if return_dict else _plain(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = 32,
        verbose: str | int = "auto",
        *,
        callbacks: Any = None,
    ) -> Array:
        """Returns the model's outputs, float32 ``(images, *output_shape)``.

        Args:
            x: images ``(images, *input_shape)``.
            batch_size: images at a time.
            verbose: 0 is silent, else a line with the speed.
            callbacks: their predict hooks are called.

        Raises:
            ValueError, TypeError, RuntimeError: as in `fit`.
        """
        with self._exclusive():
            size = _checked_batch_size(batch_size)
            show = checked_verbose(verbose)
            with self._unbuilt_on_error():
                images = self._images(x, "x")
                network = self._ready_network()
            listed = self._callback_list(callbacks, show, len(images), size)
            return _inference.predict(network, images, size, listed, show)

    def train_on_batch(
        self, x: Any, y: Any = None, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """Does one step on one batch; returns loss and metrics before it, as `evaluate`."""
        with self._exclusive():
            compiled = self._ready_compiled()
            with self._unbuilt_on_error():
                images, labels = self._data(x, y, "x", "y")
                rate = compiled.optimizer.rate_at(compiled.optimizer.iterations)
                totals = self._ready_network().train_step([images], [labels], rate)
            compiled.optimizer.iterations += 1
            logs = compiled.logs(totals)
            return logs if return_dict else _plain(logs)

    def summary(self, print_fn: Any = print) -> None:
        """Prints a table of the layers, and the totals.

        A row has the output shape, the parameters, the multiply-adds of one image, and the
        receptive field, height x width in pixels of the input.

        Args:
            print_fn: called with each line.
        """
        for line in summary_lines(self.name, self._built_graph(), self._spans):
            print_fn(line)

    def save(self, filepath: PathLike) -> None:
        """Writes architecture, weights and what `compile` settled to one safetensors file.

        Momentum and callbacks are not in it; of a callable learning rate the present value is.
        A file of that name stays whole until the new one is complete.

        Raises:
            OSError: it cannot be written.
            ValueError: the model has no shapes yet.
            TypeError: a layer's `get_config` is not JSON-able.
        """
        with self._exclusive():
            weights.write(
                filepath, self._named_weights(), architecture.metadata(self, self._compiled)
            )

    def save_weights(self, filepath: PathLike) -> None:
        """Writes the weights alone to a safetensors file, by the names "layer/weight"."""
        with self._exclusive():
            weights.write(filepath, self._named_weights(), {})

    def load_weights(self, filepath: PathLike) -> None:
        """Takes the weights from a file of `save` or `save_weights`.

        Raises:
            OSError: it cannot be read.
            ValueError: truncated, corrupt, or weights of another architecture; nothing is changed.
        """
        with self._exclusive():
            arrays = weights.read(filepath, self._built_graph().parameters)
            self.set_weights(arrays)

    def get_config(self) -> dict[str, Any]:
        """Returns the architecture, JSON-able but for what own layers put in."""
        return architecture.config(self.name, self.input_shape[1:], self._layers)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type[Layer]] | None = None
    ) -> "Sequential":
        """Makes a model, with new weights, from what `get_config` gave."""
        model = cls(name=config["name"])
        model.add(Input(config["input_shape"]))
        for layer in architecture.layers(config, custom_objects):
            model.add(layer)
        return model

    def _ready_compiled(self, need_loss: bool = True) -> Compiled:
        if self._compiled is None or (need_loss and self._compiled.loss is None):
            raise RuntimeError(
                f"{self._where}call compile(optimizer, loss, metrics) with a loss first"
            )
        return self._compiled

    def _images(self, x: Any, name: str) -> _core.Tensor:
        if not self._layers:
            raise ValueError(f"{self._where}has no layers")
        self._build_from(x)
        return _arrays.inputs(x, self.input_shape[1:], self._first_layer, name)  # type: ignore[arg-type]

    def _data(self, x: Any, y: Any, x_name: str, y_name: str) -> _inference.Data:
        """Returns images and targets as tensors; builds the model when it is not built."""
        loss = self._ready_compiled().loss
        assert loss is not None
        images = self._images(x, x_name)
        where = self._layers[-1]._where
        targets = _arrays.targets(y, loss.kind, self.output_shape[1:], y_name, where)  # type: ignore[arg-type]
        _arrays.check_lengths(images, targets, x_name, y_name)
        return images, targets

    def _training_data(
        self, x: Any, y: Any, validation_data: Any, validation_split: float
    ) -> tuple[_inference.Data, _inference.Data | None]:
        data = self._data(x, y, "x", "y")
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                raise ValueError(f"{self._where}validation_data must be a pair (x, y)")
            x, y = validation_data
            return data, self._data(x, y, "validation x", "validation y")
        return _training.split(data, validation_split)

    def _callback_list(
        self, callbacks: Any, verbose: int, images: int, batch_size: int
    ) -> CallbackList:
        params = {"verbose": verbose, "epochs": 1, "steps": -(-images // batch_size)}
        return CallbackList(checked_callbacks(callbacks), self, params)

    def _named_weights(self) -> dict[str, Array]:
        parameters = self._built_graph().parameters
        names = [weights.full_name(parameter) for parameter in parameters]
        return dict(zip(names, self.get_weights(), strict=True))


def _checked_batch_size(batch_size: int | None) -> int:
    return 32 if batch_size is None else positive_int(batch_size, "batch_size")


def _plain(logs: dict[str, float]) -> float | list[float]:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
