"""From layers to a native network: names, graph, weights, and who may use them when."""

import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from pycnn import _arrays, _core
from pycnn._arrays import Array
from pycnn._compiled import Compiled
from pycnn._graph_builder import GraphBuilder
from pycnn._runtime import checked_device
from pycnn._structure import Structure
from pycnn._topology import ordered_calls
from pycnn._weights import LayerWeights, Store
from pycnn.layers.base import Layer
from pycnn.layers.symbolic import Call, Input, Operation, SymbolicTensor


@dataclass(frozen=True)
class CallSpan:
    """Where a call lies in the graph: its nodes ``[first, end)`` and the values it gives."""

    call: Call
    first: int
    end: int
    values: tuple[int, ...]


class Assembly(Operation):
    """Calls of layers from inputs to outputs, their graph and the network that has their weights.

    The graph exists as soon as the inputs are known, the network from its first use. One thread
    at a time uses a model; another one gets RuntimeError.
    """

    def __init__(self, name: str | None, device: str | None = None) -> None:
        super().__init__(None if name is None else str(name))
        self._device = _core.default_device() if device is None else checked_device(device)
        self._layers: list[Operation] = []
        self._inputs: tuple[Input, ...] = ()
        self._outputs: tuple[SymbolicTensor, ...] = ()
        self._input_form = "one"
        self._output_form = "one"
        self._given_output_names: tuple[str, ...] | None = None
        self._compiled: Compiled | None = None
        self._seed = _core.next_seed()
        self._lock = threading.RLock()
        self._in_fit = False
        self._nested = False  # whether another model holds it
        self._forget_graph()

    @property
    def device(self) -> str:
        """Where the model runs: "cpu" or "cuda"."""
        return self._device

    def to(self, device: str) -> None:
        """Moves the model, its weights and its optimizer's memory to another device.

        Args:
            device: "cpu", "cuda" or "auto", as in `pycnn.set_device`.

        Raises:
            ValueError: another name.
            RuntimeError: the device is not to be had; the model stays where it is.
        """
        with self._exclusive():
            self._refuse_in_fit("to")
            wanted = checked_device(device)
            if self._weights is not None:
                self._weights.store.network.set_device(wanted)
            self._device = wanted

    @property
    def layers(self) -> list[Operation]:
        """The layers and nested models, inputs first, without Input."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Operation:
        """Returns a layer by its name or its place in `layers`.

        Raises:
            ValueError: there is none, or not exactly one of `name` and `index` is given.
        """
        if (name is None) == (index is None):
            raise ValueError(f"{self._where}get_layer takes a name or an index")
        names = [layer.name for layer in self._layers]
        if index is not None:
            if not -len(names) <= index < len(names):
                raise ValueError(f"{self._where}has {len(names)} layers; received index {index}")
            return self._layers[index]
        if name not in names:
            raise ValueError(f"{self._where}has no layer {name!r}: {', '.join(names)}")
        return self._layers[names.index(name)]

    @property
    def built(self) -> bool:
        """Whether the shapes of the inputs are known, and with them every other."""
        return bool(self._inputs)

    @property
    def inputs(self) -> list[Input]:
        """The inputs, as symbolic tensors."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The outputs, as symbolic tensors."""
        return list(self._outputs)

    @property
    def input(self) -> Any:
        """The input, or the list or dict of inputs, for a `Model` of your own."""
        self._built_graph()
        return self._input_structure.pack(self._inputs)

    @property
    def output(self) -> Any:
        """The output, or the list or dict of outputs."""
        self._built_graph()
        return self._packed(list(self._outputs))

    @property
    def input_names(self) -> list[str]:
        """Keys of the inputs in data given as a dict."""
        return list(self._input_structure.names)

    @property
    def output_names(self) -> list[str]:
        """Keys of the outputs in targets, losses and metrics."""
        return list(self._output_structure.names)

    @property
    def input_shape(self) -> Any:
        """Shape of the input, the batch dimension (None) first; of several, in their form."""
        self._built_graph()
        return self._input_structure.pack([tensor.shape for tensor in self._inputs])

    @property
    def output_shape(self) -> Any:
        """Shape of the output, the batch dimension (None) first; of several, in their form."""
        self._built_graph()
        return self._output_structure.pack([tensor.shape for tensor in self._outputs])

    def count_params(self, trainable_only: bool = False) -> int:
        """Returns the number of numbers in the weights.

        Args:
            trainable_only: whether to leave out what a step does not train, such as moving
                statistics.
        """
        nodes = self._built_graph().nodes
        if trainable_only:
            return sum(node.trainable_count for node in nodes)
        return sum(node.parameter_count for node in nodes)

    def get_weights(self) -> list[Array]:
        """Returns copies of all weights in layer order: kernel, bias; gamma, beta, statistics."""
        with self._exclusive():
            network = self._ready_network()
            count = len(self._built_graph().parameters)
            return [network.get_parameter(index).numpy() for index in range(count)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all weights, in the order of `get_weights`.

        Raises:
            ValueError: another number of weights, or one of another shape; nothing is changed.
        """
        with self._exclusive():
            expected = self._built_graph().parameters
            if len(weights) != len(expected):
                raise ValueError(
                    f"{self._where}has {len(expected)} weights; received {len(weights)}"
                )
            arrays = []
            for parameter, weight in zip(expected, weights, strict=True):
                name = f"{parameter.layer}/{parameter.name}"
                array = _arrays.numbers(weight, name).astype("float32", copy=False)
                if array.shape != tuple(parameter.shape):
                    raise ValueError(
                        f"{self._where}weight {name} has shape {tuple(parameter.shape)}; "
                        f"received {array.shape}"
                    )
                arrays.append(array)
            network = self._ready_network()
            for index, array in enumerate(arrays):
                network.set_parameter(index, _core.Tensor(array))
            self._ready_weights().changed()

    # ---- inputs and outputs

    @property
    def _input_structure(self) -> Structure:
        return Structure([tensor.name for tensor in self._inputs] or ["input"], self._input_form)

    # Of the outputs, kept since a single image takes no longer than a few such objects. Its names
    # are read late; by then nothing can change them.
    _built_structure: Structure | None

    @property
    def _output_structure(self) -> Structure:
        if not self.built:
            return Structure(self._output_names(), self._output_form)
        if self._built_structure is None:
            self._built_structure = Structure(self._output_names(), self._output_form)
        return self._built_structure

    def _output_names(self) -> Iterator[str]:
        names = self._given_output_names or _unique(tensor._source for tensor in self._outputs)
        yield from names or [layer.name for layer in self._layers[-1:]]

    def _packed(self, tensors: list[SymbolicTensor]) -> Any:
        return self._output_structure.pack(tensors)

    def _reader(self, index: int) -> str:
        """The first layer that reads an input, for messages about its data."""
        for call in self._calls:
            if any(tensor is self._inputs[index] for tensor in call.inputs):
                return call.operation._where
        return self._where

    def _maker(self, index: int) -> str:
        """The layer that makes an output, for messages about its targets."""
        call = self._outputs[index]._call
        return self._where if call is None else call.operation._where

    def _check_made(self) -> None:
        if "_lock" not in vars(self):
            raise TypeError(f"[{type(self).__name__}] __init__ must call super().__init__(...)")

    # ---- who may use the model

    def _exclusive(self) -> AbstractContextManager[None]:
        """Holds the model for this thread; calls from callbacks come from the same thread."""
        self._check_made()
        return _Exclusive(self)

    def _refuse_in_fit(self, what: str) -> None:
        if self._in_fit:
            raise RuntimeError(f"{self._where}{what} must not be called while fit runs")

    # ---- graph

    def _forget_graph(self) -> None:
        self._graph: _core.Graph | None = None
        self._calls: list[Call] = []
        self._spans: list[CallSpan] = []
        self._output_values: list[int] = []
        self._paths: dict[Layer, str] = {}
        self._crossing: list[Layer] = []
        self._weights: LayerWeights | None = None
        self._built_structure = None

    def _set_outputs(self, inputs: Sequence[Input], outputs: Sequence[SymbolicTensor]) -> None:
        """The model computes these from now on; the network comes anew on its next use."""
        self._forget_graph()
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._calls = ordered_calls(outputs)
        for call in self._calls:
            self._take(call)

    def _extend(self, output: SymbolicTensor) -> None:
        """The same behind one more call, which made `output` of the only output so far."""
        calls = self._calls
        self._forget_graph()
        self._outputs, self._calls = (output,), calls
        assert output._call is not None
        calls.append(output._call)
        self._take(output._call)

    def _take(self, call: Call) -> None:
        if isinstance(call.operation, Layer):
            call.operation._model = weakref.ref(self)

    def _built_graph(self) -> _core.Graph:
        self._check_made()
        if self._graph is None:
            if not self.built:
                raise ValueError(
                    f"{self._where}has no shapes yet: begin it with Input(shape), give its first "
                    "layer input_shape=, or fit it to data"
                )
            builder = GraphBuilder()
            values = [
                builder.graph.add_input(tensor.image_shape, name=tensor.name)
                for tensor in self._inputs
            ]
            spans: list[CallSpan] = []
            self._output_values = self._follow(builder, values, spans)
            self._spans = spans
            self._paths = {layer: place.path for layer, place in builder.places.items()}
            self._crossing = builder.crossing
            for layer, place in builder.places.items():
                layer._shapes = place.shapes
            self._graph = builder.graph
        return self._graph

    def _follow(
        self, builder: GraphBuilder, values: Sequence[int], spans: list[CallSpan]
    ) -> list[int]:
        """Adds every call in order; returns the values of the outputs."""
        known: dict[Any, int] = {
            tensor._key: value for tensor, value in zip(self._inputs, values, strict=True)
        }
        for call in self._calls:
            first = builder.graph.node_count
            try:
                made = call.operation._connect(builder, [known[item._key] for item in call.inputs])
            except RecursionError:
                raise ValueError(f"{self._where}models are nested too deep") from None
            known.update(((call, index), value) for index, value in enumerate(made))
            spans.append(CallSpan(call, first, builder.graph.node_count, tuple(made)))
        return [known[tensor._key] for tensor in self._outputs]

    def _connect(self, builder: GraphBuilder, values: list[int]) -> list[int]:
        """Adds this model's layers to the graph of the one around it."""
        if len(values) != len(self._inputs):
            raise ValueError(
                f"{self._where}takes {len(self._inputs)} inputs; received {len(values)}"
            )
        for tensor, value in zip(self._inputs, values, strict=True):
            shape = tuple(builder.graph.shape(value))
            if shape != tensor.image_shape:
                raise ValueError(
                    f"{self._where}expected {tensor.name!r} of shape {tensor.shape}; received "
                    f"{(None, *shape)}"
                )
        self._nested = True
        with builder.scope(self.name):
            return self._follow(builder, values, [])

    def _spread(self, inputs: Any) -> list[SymbolicTensor]:
        if isinstance(inputs, dict):
            inputs = self._input_structure.spread(inputs, "inputs", self._where)
        return super()._spread(inputs)

    @property
    def _copy_hint(self) -> str:
        return (
            "write it to a file with save(path) and make another with pycnn.load_model(path), or "
            "use from_config(model.get_config()) and set_weights(model.get_weights())"
        )

    def _holds(self, other: Operation) -> bool:
        return other is self or any(layer._holds(other) for layer in self._layers)

    def _image_shape(self) -> tuple[int, ...] | None:
        return self._inputs[0].image_shape if len(self._inputs) == 1 else None

    # ---- network

    def _ready_network(self) -> _core.Network:
        """The native network, with the newest weights."""
        return self._ready_weights().ready()

    def _ready_weights(self) -> LayerWeights:
        """The native network and its layers; made on first use."""
        graph = self._built_graph()
        if self._weights is None:
            network = _core.Network(graph, self._output_values, self._seed, self._device)
            if self._compiled is not None:
                self._compiled.apply(network)
            places: dict[str, list[int]] = {}
            for index, parameter in enumerate(graph.parameters):
                places.setdefault(parameter.layer, []).append(index)
            self._weights = LayerWeights(
                Store(network), {layer: places.get(path, []) for layer, path in self._paths.items()}
            )
        return self._weights

    # ---- names

    def _name_all(self, operations: Sequence[Operation | Input]) -> list[Operation | Input]:
        """Settles the names that were made from classes: dense, dense_1, ...; returns those.

        Raises:
            ValueError: two have the same settled name.
        """
        taken: set[str] = set()
        for item in operations:
            if item._name is None:
                continue
            if item._name in taken:
                where = f"[{type(item).__name__} {item._name!r}] "
                raise ValueError(f"{where}the model has a layer of this name already")
            taken.add(item._name)
        settled = [item for item in operations if item._name is None]
        for item in settled:
            base, count = item.name, 0
            while (name := f"{base}_{count}" if count else base) in taken:
                count += 1
            item._name = name
            taken.add(name)
        return settled


class _Exclusive(AbstractContextManager[None]):
    """Holds a model for one thread: a class, which is entered faster than a generator."""

    def __init__(self, model: Assembly) -> None:
        self._model = model

    def __enter__(self) -> None:
        if not self._model._lock.acquire(blocking=False):
            raise RuntimeError(
                f"{self._model._where}is in use by another thread; wait until its fit, evaluate or "
                "predict has ended"
            )

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        self._model._lock.release()
        if isinstance(error, _core.BusyError):
            raise RuntimeError(f"{self._model._where}{error}") from None


def _unique(names: Iterable[str]) -> list[str]:
    """Names, numbered where they come again."""
    unique: list[str] = []
    for name in names:
        count, candidate = 0, name
        while candidate in unique:
            count += 1
            candidate = f"{name}_{count}"
        unique.append(candidate)
    return unique
