"""Sequential: a chain of layers."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pycnn import _arrays
from pycnn._graph_builder import GraphBuilder
from pycnn.io import architecture
from pycnn.layers.base import Layer
from pycnn.layers.symbolic import Input, Operation, SymbolicTensor
from pycnn.model import Model


class Sequential(Model):
    """A chain of layers, each fed by the one before: a `Model` that is written as a list.

    The shape of the input comes from `Input`, from ``input_shape=`` on the first layer, or from
    the first data.

    Args:
        layers: layers or models, to be added in order; see `add`.
        name: for messages and the summary.
        device: "cpu", "cuda" or "auto"; as `pycnn.set_device` says where it is not given.
    """

    def __init__(
        self,
        # Any: a list of an Input and layers is a list[object] to type checkers.
        layers: Iterable[Any] | None = None,
        name: str | None = None,
        device: str | None = None,
    ) -> None:
        self._begin(name, device)
        # What `add` would otherwise look for in all layers, every time.
        self._names: set[str] = set()  # of the layers
        self._numbers: dict[str, int] = {}  # by class: where numbers for its names are free
        self._members: set[Operation] = set()
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Operation | Input) -> None:
        """Adds a layer at the end; weights that the model has already are kept.

        Raises:
            TypeError: not a layer.
            ValueError: the layer does not fit behind the others or has the name of one. The model
                is then as it was.
            RuntimeError: another model holds this one.
        """
        with self._exclusive():
            self._refuse_in_fit("add")
            if isinstance(layer, Input):
                self._add_input(layer)
                return
            self._check_new(layer)
            settled = self._settle_name(layer)
            try:
                self._append(layer)
            except BaseException:
                if settled:
                    layer._name = None
                raise
            self._names.add(layer.name)
            self._members.add(layer)

    def pop(self) -> Operation:
        """Takes the last layer away and returns it; the others keep their weights.

        Raises:
            ValueError: there is none.
            RuntimeError: another model holds this one.
        """
        with self._exclusive():
            self._refuse_in_fit("pop")
            self._refuse_when_nested()
            if not self._layers:
                raise ValueError(f"{self._where}has no layers")
            layer = self._layers.pop()
            self._members.remove(layer)
            self._names.remove(layer.name)
            self._numbers.clear()
            if self.built:
                tensor = self._outputs[0]
                assert tensor._call is not None
                self._set_outputs(self._inputs, tensor._call.inputs)
            return layer

    def get_config(self) -> dict[str, Any]:
        """Returns the architecture, JSON-able but for what own layers put in."""
        self._check_saveable()
        return architecture.chain_config(self.name, self.input_shape[1:], self._layers)

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, type[Layer]] | None = None,
        device: str | None = None,
    ) -> "Sequential":
        """Makes a model, with new weights, from what `get_config` gave, on that device."""
        model = cls(name=config["name"], device=device)
        model.add(Input(config["input_shape"]))
        for layer in architecture.layers(config, custom_objects):
            model.add(layer)
        return model

    def _append(self, layer: Operation) -> None:
        inputs = self._inputs
        output: Any = self._outputs[0] if self._outputs else None
        if output is None and not self._layers and (shape := layer._image_shape()) is not None:
            output = self._named(Input(shape))
            inputs = (output,)
        if output is not None:
            output = self._single(layer, layer(output))
        if isinstance(layer, Model):
            layer._nested = True
        self._layers.append(layer)
        if output is None:
            return
        if self._outputs:
            self._extend(output)
        else:
            self._set_outputs(inputs, [output])

    def _settle_name(self, layer: Operation) -> bool:
        """Gives a new layer a name of its own; returns whether it had none."""
        inputs = [tensor.name for tensor in self._inputs]
        if layer._name is not None:
            if layer._name in self._names or layer._name in inputs:
                raise ValueError(f"{layer._where}the model has a layer of this name already")
            return False
        base = layer.name
        count = self._numbers.get(base, 0)
        while (name := f"{base}_{count}" if count else base) in self._names or name in inputs:
            count += 1
        self._numbers[base], layer._name = count, name
        return True

    def _single(self, layer: Operation, output: Any) -> SymbolicTensor:
        if isinstance(output, SymbolicTensor):
            return output
        raise ValueError(f"{layer._where}has several outputs; a Sequential takes layers with one")

    def _named(self, given: Input) -> Input:
        self._name_all([given, *self._layers])
        return given

    def _add_input(self, layer: Input) -> None:
        if self._layers or self.built:
            raise ValueError(f"{self._where}Input must come first and once")
        self._set_outputs([self._named(layer)], [layer])

    def _refuse_when_nested(self) -> None:
        if self._nested:
            raise RuntimeError(f"{self._where}is part of another model and cannot be changed")

    def _check_new(self, layer: Any) -> None:
        if not isinstance(layer, Operation):
            hint = ""
            if isinstance(layer, type) and issubclass(layer, Operation):
                hint = f"; make one: {layer.__name__}(...)"
            raise TypeError(f"{self._where}expected a layer; received {layer!r}{hint}")
        layer._check_made()
        if layer._holds(self):
            raise ValueError(f"{layer._where}holds {self._where.strip()}: that would be a cycle")
        self._refuse_when_nested()
        if layer in self._members:
            raise ValueError(
                f"{layer._where}is in the model already; a layer that is used twice needs a Model"
            )

    def _build_for(self, shape: tuple[int, ...]) -> None:
        """Makes the chain for images of this shape."""
        given = self._named(Input(shape))
        tensor: SymbolicTensor = given
        for layer in self._layers:
            tensor = self._single(layer, layer(tensor))
        self._set_outputs([given], [tensor])

    def _build_from(self, x: Any) -> None:
        if self.built:
            return
        shape = _arrays.numbers_in_place(x, "x").shape[1:]
        if not shape:
            where = self._layers[0]._where if self._layers else self._where
            raise ValueError(f"{where}expected images; x has one dimension only")
        self._build_for(shape)

    def _connect(self, builder: GraphBuilder, values: list[int]) -> list[int]:
        if not self.built and len(values) == 1:
            self._build_for(tuple(builder.graph.shape(values[0])))
        return super()._connect(builder, values)

    def _unbuilt_on_error(self) -> AbstractContextManager[None]:
        return super()._unbuilt_on_error() if self.built else self._unbuilding_on_error()

    @contextmanager
    def _unbuilding_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._unbuild()
            raise

    def _unbuild(self) -> None:
        if self._weights is not None:
            self._weights.forget()
        for layer in self._paths:
            if layer._held is None:
                layer._shapes = None
        self._forget_graph()
        self._inputs, self._outputs = (), ()
