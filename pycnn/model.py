"""Model: a network that learns; what every kind of model can do."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pycnn import _arrays, _core, _inference, _training
from pycnn._arrays import Array
from pycnn._assembly import Assembly
from pycnn._checks import positive_int
from pycnn._compiled import Compiled
from pycnn._progress import checked_verbose
from pycnn._structure import form_of, listed
from pycnn._summary import summary_lines
from pycnn._topology import check_connected, ordered_calls
from pycnn.callbacks import CallbackList, History, checked_callbacks
from pycnn.io import architecture, weights
from pycnn.layers.base import Layer
from pycnn.layers.symbolic import Input, SymbolicTensor, checked_name, checked_tensor
from pycnn.optimizers import Optimizer

PathLike = str | os.PathLike[str]

_NOTHING = nullcontext()


class Model(Assembly):
    """A network from inputs to outputs, written by calling layers.

        x = pycnn.Input((28, 28, 1))
        y = layers.Flatten()(x)
        y = layers.Dense(10, activation="softmax")(y)
        model = pycnn.Model(x, y)

    A layer that is called twice uses the same weights twice, and a layer or model in two models
    has one set of weights for both. A model can be called like a layer. A thread that trains,
    evaluates or predicts has the model to itself; another one gets RuntimeError.

    Args:
        inputs: a `pycnn.Input`, or a list or dict of them; data come in the same form, or by name.
        outputs: what layers gave, likewise; `predict` returns the same form. An output has the
            name of its layer, or its key in the dict.
        name: for messages and the summary.
        device: "cpu", "cuda" or "auto"; as `pycnn.set_device` says where it is not given.

    Raises:
        TypeError: something else than an Input, or than what a layer gave.
        ValueError: an output needs an input that is not listed, an input reaches no output, or two
            layers have one name.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, device: str | None = None
    ) -> None:
        self._begin(name, device)
        given, wanted = self._checked_ends(inputs, outputs)
        calls = ordered_calls(wanted)
        check_connected(given, wanted, calls, self._where)
        operations = list(dict.fromkeys(call.operation for call in calls))
        settled = self._name_all([*given, *operations])
        self._layers = operations
        self._set_outputs(given, wanted)
        try:
            self._built_graph()
        except BaseException:
            for item in settled:
                item._name = None
            raise
        for operation in operations:
            if isinstance(operation, Model):
                operation._nested = True

    def _begin(self, name: str | None, device: str | None) -> None:
        """The part of the constructor that every kind of model has."""
        super().__init__(name, device)
        #: Set by a callback to end the training after the present step.
        self.stop_training = False

    def _checked_ends(self, inputs: Any, outputs: Any) -> tuple[list[Input], list[SymbolicTensor]]:
        self._input_form, self._output_form = form_of(inputs), form_of(outputs)
        given = listed(inputs)
        for item in given:
            if not isinstance(item, Input):
                raise TypeError(f"{self._where}inputs must be pycnn.Input; received {item!r}")
        if isinstance(inputs, dict):
            for key, item in inputs.items():
                if item._name is None:
                    item._name = checked_name(key, "an input")
                elif item._name != key:
                    raise ValueError(
                        f"{self._where}input {item._name!r} is listed as {key!r}; they must agree"
                    )
        wanted = [checked_tensor(item, self._where) for item in listed(outputs)]
        if isinstance(outputs, dict):
            self._given_output_names = tuple(
                checked_name(key, "an output") or "" for key in outputs
            )
        if not given or not wanted:
            raise ValueError(f"{self._where}needs at least one input and one output")
        if len({id(item) for item in given}) != len(given):
            raise ValueError(f"{self._where}lists an input twice")
        return given, wanted

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
        loss_weights: Any = None,
    ) -> None:
        """Says how to train; forgets what the optimizer remembers of an earlier training.

        Args:
            optimizer: a name, e.g. "adam", or one of `pycnn.optimizers`.
            loss: a name or one of `pycnn.losses`; None for a model that only predicts. With
                several outputs a list or a dict by output; one alone is for all of them.
            metrics: names or objects of `pycnn.metrics`, e.g. ``["accuracy"]``; with several
                outputs a list of such lists, or a dict by output.
            callbacks: called in every `fit`, before those given there.
            loss_weights: factors of the outputs' losses in the total, a list or a dict by output;
                1 by default.

        Raises:
            ValueError: an unknown name; a loss or metric that does not go with the output, or for
                an output that does not exist.
            TypeError: neither a name nor an object of the kind.
            RuntimeError: called while `fit` runs, or the model is in use by another thread.
        """
        with self._exclusive():
            self._refuse_in_fit("compile")
            compiled = Compiled.of(
                optimizer,
                loss,
                metrics,
                callbacks,
                loss_weights,
                outputs=self._output_structure.names or ("output",),
            )
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
            x: images ``(images, *input_shape)``; uint8 and float32 are used in place, on the GPU
                as well when the model is there (`pycnn.Tensor`, PyTorch, CuPy, and whatever has
                DLPack or ``__cuda_array_interface__``). A list or a dict by name where the model
                has several inputs.
            y: labels ``(images,)`` for a sparse loss, else ``(images, *output_shape)``; a list or
                a dict by name where it has several outputs.
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
                layer_weights = self._ready_weights()
            hooks = self._callback_list(callbacks, show, len(data[0][0]), size)
            logs = _inference.evaluate(layer_weights, compiled, data, size, hooks, show)
            return logs if return_dict else _plain(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = 32,
        verbose: str | int = "auto",
        *,
        callbacks: Any = None,
    ) -> Any:
        """Returns the model's outputs, float32 ``(images, *output_shape)``.

        They are NumPy arrays wherever `x` is and the model runs; of several outputs a list or a
        dict, as they were given to `Model`.

        Args:
            x: images ``(images, *input_shape)``, as in `fit`.
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
                layer_weights = self._ready_weights()
            hooks = self._callback_list(callbacks, show, len(images[0]), size)
            structure = self._output_structure
            return _inference.predict(layer_weights, images, size, hooks, structure, show)

    def train_on_batch(
        self, x: Any, y: Any = None, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """Does one step on one batch; returns loss and metrics before it, as `evaluate`."""
        with self._exclusive():
            compiled = self._ready_compiled()
            with self._unbuilt_on_error():
                images, labels = self._data(x, y, "x", "y")
                rate = compiled.optimizer.rate_at(compiled.optimizer.iterations)
                with self._ready_weights().changing() as network:
                    totals = network.train_step(images, labels, rate)
            compiled.optimizer.iterations += 1
            logs = compiled.logs(totals)
            return logs if return_dict else _plain(logs)

    def summary(self, print_fn: Any = print) -> None:
        """Prints a table of the layers, and the totals.

        A row has the output shape, the parameters, the multiply-adds of one image, and the
        receptive field, height x width in pixels of the input (see
        `pycnn.analysis.receptive_field`); where the layers are no chain, also what each is
        connected to. Below are the rows and columns at the end of an image that a stride leaves
        unseen.

        Args:
            print_fn: called with each line.
        """
        graph = self._built_graph()
        for line in summary_lines(self.name, graph, self._inputs, self._spans):
            print_fn(line)

    def plan_report(self) -> str:
        """Returns the plan of a training step (of prediction before `compile`), as text.

        Its instructions, then the buffers of a block of 16 images: bytes, place in the arena, and
        the instructions between which each is alive; last, the arena beside what backward needs.
        """
        with self._exclusive():
            return self._ready_network().plan_report()

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
        self._built_graph()
        self._check_saveable()
        return architecture.graph_config(self)

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, type[Layer]] | None = None,
        device: str | None = None,
    ) -> "Model":
        """Makes a model, with new weights, from what `get_config` gave, on that device."""
        inputs, outputs = architecture.graph(config, custom_objects)
        return cls(inputs, outputs, name=config["name"], device=device)

    def _ready_compiled(self, need_loss: bool = True) -> Compiled:
        if self._compiled is None or (need_loss and not self._compiled.has_loss):
            raise RuntimeError(
                f"{self._where}call compile(optimizer, loss, metrics) with a loss first"
            )
        return self._compiled

    def _build_from(self, x: Any) -> None:
        """Builds the model for data like `x` unless it is built."""

    def _unbuilt_on_error(self) -> AbstractContextManager[None]:
        """Undoes a build from data when what follows it fails."""
        return _NOTHING

    def _check_saveable(self) -> None:
        if self._crossing:
            raise ValueError(
                f"{self._crossing[0]._where}is both in a nested model and outside of it; such a "
                "model cannot be described in a file; save_weights can keep its weights"
            )

    def _images(self, x: Any, name: str) -> list[_core.Tensor]:
        """Returns one tensor for each input; builds the model when it is not built."""
        if not self._layers:
            raise ValueError(f"{self._where}has no layers")
        self._build_from(x)
        if len(self._inputs) == 1 and _arrays.is_ready(x, self._inputs[0].image_shape):
            return [_core.Tensor(x)]  # of a NumPy array: any device reads it
        structure = self._input_structure
        tensors = []
        for index, item in enumerate(structure.spread(x, name, self._where)):
            shape, label = self._inputs[index].image_shape, structure.label(index, name)
            tensor = _arrays.inputs(item, shape, self._reader(index), label)
            tensors.append(self._readable(tensor))
            _arrays.check_lengths(tensors[0], tensors[-1], structure.label(0, name), label)
        return tensors

    def _readable(self, tensor: _core.Tensor) -> _core.Tensor:
        """What the model's device can read: a model on the CPU copies the GPU's arrays, once."""
        return tensor if self.device == "cuda" else tensor.to("cpu")

    def _data(self, x: Any, y: Any, x_name: str, y_name: str) -> _inference.Data:
        """Returns inputs and targets as tensors; builds the model when it is not built."""
        compiled = self._ready_compiled()
        images = self._images(x, x_name)
        structure = self._output_structure
        first_label = self._input_structure.label(0, x_name)
        tensors = []
        for index, item in enumerate(structure.spread(y, y_name, self._where)):
            loss = compiled.outputs[index].loss
            assert loss is not None
            shape, label = self._outputs[index].image_shape, structure.label(index, y_name)
            tensor = _arrays.targets(item, loss.kind, shape, label, self._maker(index))
            tensors.append(self._readable(tensor))
            _arrays.check_lengths(images[0], tensors[-1], first_label, label)
        return images, tensors

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
