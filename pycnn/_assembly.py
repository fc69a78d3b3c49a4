"""From layers to a native network: names, graph, weights, and who may use them when."""

import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pycnn import _arrays, _core
from pycnn._arrays import Array
from pycnn._compiled import Compiled
from pycnn.layers import Input, Layer


@dataclass(frozen=True)
class LayerSpan:
    """Where a layer lies in the graph: its nodes ``[first, end)`` and the value it gives."""

    layer: Layer
    first: int
    end: int
    value: int


class Assembly:
    """The layers of a model, the graph they make and the network that holds their weights.

    The graph exists as soon as the shape of the input is known; the network from its first use.
    One thread at a time uses a model; another one gets RuntimeError.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._layers: list[Layer] = []
        self._input_shape: tuple[int, ...] | None = None
        self._graph: _core.Graph | None = None
        self._spans: list[LayerSpan] = []
        self._network: _core.Network | None = None
        self._kept: list[Array] = []  # weights that outlive a change of the graph
        self._compiled: Compiled | None = None
        self._seed = _core.next_seed()
        self._lock = threading.RLock()
        self._in_fit = False

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without Input."""
        return list(self._layers)

    @property
    def built(self) -> bool:
        """Whether the shape of the input is known, and with it every other."""
        return self._graph is not None

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input, the batch dimension (None) first."""
        graph = self._built_graph()
        return (None, *graph.shape(graph.input))

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output, the batch dimension (None) first."""
        return (None, *self._built_graph().shape(self._output))

    def add(self, layer: Layer | Input) -> None:
        """Adds a layer at the end; weights that the model has already are kept.

        Raises:
            TypeError: not a layer.
            ValueError: the layer does not fit behind the others, has the name of one, or is part
                of a model. The model is then as it was.
        """
        with self._exclusive():
            self._refuse_in_fit("add")
            if isinstance(layer, Input):
                self._add_input(layer)
                return
            self._check_new(layer)
            kept = self._kept if self._network is None else self.get_weights()
            state = (self._input_shape, self._graph, list(self._spans), self._network)
            if self._network is not None:  # it holds the graph: leave that one as it is
                self._graph, self._spans, self._network = None, [], None
            if not self._layers and self._input_shape is None:
                self._input_shape = layer.input_shape
            self._name_layer(layer)
            self._layers.append(layer)
            try:
                self._build()
            except BaseException:
                self._take_back(layer, *state)
                raise
            self._kept = kept
            layer._owner = weakref.ref(self)

    def count_params(self) -> int:
        """Returns the number of trainable numbers."""
        return sum(node.parameter_count for node in self._built_graph().nodes)

    def get_weights(self) -> list[Array]:
        """Returns copies of all weights in layer order: kernel, then bias."""
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

    @property
    def _where(self) -> str:
        return f"[{type(self).__name__} {self.name!r}] "

    @property
    def _first_layer(self) -> str:
        """The first layer, for messages about the input."""
        return self._layers[0]._where if self._layers else self._where

    @property
    def _output(self) -> int:
        graph = self._built_graph()
        return self._spans[-1].value if self._spans else graph.input

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Holds the model for this thread; calls from callbacks come from the same thread."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                f"{self._where}is in use by another thread; wait until its fit, evaluate or "
                "predict has ended"
            )
        try:
            yield
        finally:
            self._lock.release()

    def _refuse_in_fit(self, what: str) -> None:
        if self._in_fit:
            raise RuntimeError(f"{self._where}{what} must not be called while fit runs")

    @contextmanager
    def _unbuilt_on_error(self) -> Iterator[None]:
        """Undoes a build from data when what follows it fails."""
        shape, was_built = self._input_shape, self.built
        try:
            yield
        except BaseException:
            if not was_built:
                self._input_shape, self._graph, self._network, self._spans = shape, None, None, []
            raise

    def _build_from(self, x: Any) -> None:
        """Builds the model for data like `x` unless it is built."""
        if not self.built:
            shape = _arrays.numbers(x, "x").shape[1:]
            if not shape:
                raise ValueError(f"{self._first_layer}expected images; x has one dimension only")
            self._input_shape = shape
            self._build()

    def _build(self) -> None:
        """Adds the layers that the graph lacks, once the shape of the input is known."""
        if self._input_shape is None:
            return
        if self._graph is None:
            self._graph = _core.Graph(self._input_shape)
        for layer in self._layers[len(self._spans) :]:
            first = len(self._graph.nodes)
            value = layer._add_to(self._graph, self._output)
            self._spans.append(LayerSpan(layer, first, len(self._graph.nodes), value))

    def _built_graph(self) -> _core.Graph:
        if self._graph is None:
            raise ValueError(
                f"{self._where}has no shapes yet: begin it with Input(shape), give its first "
                "layer input_shape=, or fit it to data"
            )
        return self._graph

    def _ready_network(self) -> _core.Network:
        """The native network; made on first use, with the weights that were kept."""
        if self._network is None:
            graph = self._built_graph()
            network = _core.Network(graph, [self._output], self._seed)
            for index, array in enumerate(self._kept):
                network.set_parameter(index, _core.Tensor(array))
            if self._compiled is not None:
                self._compiled.apply(network)
            self._network, self._kept = network, []
            self._connect_weights(graph, network)
        return self._network

    def _connect_weights(self, graph: _core.Graph, network: _core.Network) -> None:
        """Lets the weights of layers written in Python read their numbers."""
        places = {(item.layer, item.name): i for i, item in enumerate(graph.parameters)}
        for layer in self._layers:
            for weight in layer._weights:
                index = places[layer.name, weight.name]
                weight._fetch = lambda index=index: network.get_parameter(index).numpy()

    def _add_input(self, layer: Input) -> None:
        if self._layers or self._input_shape is not None:
            raise ValueError(f"{self._where}Input must come first and once")
        self._input_shape = layer.shape
        self._build()

    def _check_new(self, layer: Any) -> None:
        if not isinstance(layer, Layer):
            hint = ""
            if isinstance(layer, type) and issubclass(layer, Layer):
                hint = f"; make one: {layer.__name__}(...)"
            raise TypeError(f"{self._where}expected a layer; received {layer!r}{hint}")
        if not hasattr(layer, "_weights"):
            raise TypeError(
                f"{self._where}{type(layer).__name__}.__init__ must call super().__init__()"
            )
        if layer._owner is not None and layer._owner() is not None:
            raise ValueError(
                f"{layer._where}is part of a model already; weights are not shared, so make "
                "another layer: type(layer).from_config(layer.get_config())"
            )
        if self._input_shape is not None and layer.input_shape is not None:
            before = self._built_graph().shape(self._output)
            if tuple(before) != layer.input_shape:
                raise ValueError(
                    f"{layer._where}input_shape={layer.input_shape} does not match what comes "
                    f"before it, {tuple(before)}"
                )
        if layer._given_name and any(other.name == layer.name for other in self._layers):
            raise ValueError(f"{layer._where}the model has a layer of this name already")

    def _name_layer(self, layer: Layer) -> None:
        """Settles a name that was made from the class: dense, dense_1, ..."""
        if layer._given_name:
            return
        layer._name = None
        base, taken = layer.name, {other.name for other in self._layers}
        count = 0
        while (name := f"{base}_{count}" if count else base) in taken:
            count += 1
        layer._name = name

    def _take_back(
        self,
        layer: Layer,
        input_shape: tuple[int, ...] | None,
        graph: _core.Graph | None,
        spans: list[LayerSpan],
        network: _core.Network | None,
    ) -> None:
        """Undoes a failed `add`."""
        self._layers.remove(layer)
        if not layer._given_name:
            layer._name = None
        self._input_shape, self._graph, self._spans = input_shape, graph, spans
        self._network = network
        if graph is not None and network is not None:
            self._connect_weights(graph, network)
        elif graph is not None and len(graph.nodes) != (spans[-1].end if spans else 0):
            self._graph, self._spans = None, []  # the layer left nodes behind
            self._build()
