"""Layers and models called on tensors without numbers: how a graph is written down."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pycnn._checks import shape_tuple
from pycnn._graph_builder import GraphBuilder
from pycnn._names import snake_case

if TYPE_CHECKING:
    from typing_extensions import Self


class SymbolicTensor:
    """What a layer gives when it is called: a shape, and how it comes about.

    Attributes:
        shape: batch dimension (None) first.
        image_shape: the shape without the batch dimension.
    """

    def __init__(self, shape: Sequence[int], call: Call | None = None, index: int = 0) -> None:
        self.image_shape: tuple[int, ...] = tuple(shape)
        self.shape: tuple[int | None, ...] = (None, *shape)
        self._call = call
        self._index = index

    @property
    def _key(self) -> Any:
        """Equal for two handles of the same result."""
        return self if self._call is None else (self._call, self._index)

    @property
    def _source(self) -> str:
        """The name of the layer or input that it comes from."""
        return "input" if self._call is None else self._call.operation.name

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.shape} of {self._source!r}>"


class Input(SymbolicTensor):
    """An input of a model: first in a `Sequential`, or what layers of a `Model` are called on.

    Args:
        shape: of one image, without the batch, e.g. ``(28, 28, 1)``.
        name: key of the input where data come as a dict.
    """

    def __init__(self, shape: Sequence[int], name: str | None = None) -> None:
        self._name = checked_name(name, "an input")
        super().__init__(shape_tuple(shape, "shape", "[Input] "))

    @property
    def name(self) -> str:
        """Its name; one that was not given is settled by the first model."""
        return self._name or "input"

    @property
    def _source(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Input({self.image_shape})"


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a layer or model."""

    operation: Operation
    inputs: tuple[SymbolicTensor, ...]


class Operation:
    """What can be called on symbolic tensors: the base of layers and models."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._given_name = name is not None
        # Weak: what was made of a layer does not live as long as the layer.
        self._results: list[weakref.ref[SymbolicTensor]] = []

    @property
    def name(self) -> str:
        """The name; one made from the class is settled when a model takes the layer."""
        return self._name or snake_case(type(self).__name__)

    @property
    def _where(self) -> str:
        return f"[{type(self).__name__} {self.name!r}] "

    @property
    def output(self) -> Any:
        """What the layer gives in the model or models that hold it, for a `Model` of your own.

        Raises:
            AttributeError: it has not been called, or more than once.
        """
        alive = [tensor for ref in self._results if (tensor := ref()) is not None]
        calls = {id(tensor._call) for tensor in alive}
        if len(calls) != 1:
            raise AttributeError(
                f"{self._where}has no single output: it has been called {len(calls)} times"
            )
        return self._packed(alive)

    def __call__(self, inputs: Any) -> Any:
        """Returns the symbolic tensor or tensors that this layer or model makes of `inputs`.

        Args:
            inputs: a `pycnn.Input`, what another layer gave, or a list of them.

        Raises:
            TypeError: something else.
            ValueError: shapes that do not fit; names the layer.
        """
        self._check_made()
        tensors = self._spread(inputs)
        builder = GraphBuilder()
        values = [builder.graph.add_input(tensor.image_shape) for tensor in tensors]
        results = self._connect(builder, values)
        call = Call(self, tuple(tensors))
        made = [
            SymbolicTensor(builder.graph.shape(value), call, index)
            for index, value in enumerate(results)
        ]
        self._results = [ref for ref in self._results if ref() is not None]
        self._results += [weakref.ref(tensor) for tensor in made]
        return self._packed(made)

    def _check_made(self) -> None:
        """Raises TypeError when a subclass has not called ``super().__init__``."""

    def _spread(self, inputs: Any) -> list[SymbolicTensor]:
        """Returns the tensors in `inputs`, in order."""
        listed = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if not listed:
            raise ValueError(f"{self._where}was called on no tensors")
        return [checked_tensor(item, self._where) for item in listed]

    def _packed(self, tensors: list[SymbolicTensor]) -> Any:
        """Returns results in the form that a call gives."""
        return tensors[0]

    def _connect(self, builder: GraphBuilder, values: list[int]) -> list[int]:
        """Adds nodes behind `values`; returns the values of the results."""
        raise NotImplementedError

    def _holds(self, other: Operation) -> bool:
        """Whether `other` is this one, or lies within it."""
        return other is self

    def _image_shape(self) -> tuple[int, ...] | None:
        """The shape of the single input where it is known beforehand."""
        return None

    def get_weights(self) -> list[Any]:
        """Returns copies of the weights."""
        raise NotImplementedError

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all weights, in the order of `get_weights`."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes one from what `get_config` gave."""
        return cls(**config)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuses copy.copy, copy.deepcopy and pickle, which would share or lose the weights."""
        raise TypeError(f"{self._where}cannot be copied or pickled; {self._copy_hint}")

    @property
    def _copy_hint(self) -> str:
        """What to do instead, for messages."""
        return "make another one: type(layer).from_config(layer.get_config())"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def checked_tensor(item: Any, where: str) -> SymbolicTensor:
    """Returns `item`.

    Raises:
        TypeError: it is no symbolic tensor.
    """
    if isinstance(item, SymbolicTensor):
        return item
    hint = "; arrays go to a model's predict" if hasattr(item, "__array__") else ""
    if isinstance(item, Operation):
        hint = f"; call it first: {type(item).__name__}(...)(x)"
    raise TypeError(
        f"{where}expected a pycnn.Input or what a layer gave; received {type(item).__name__}{hint}"
    )


def checked_name(name: str | None, what: str) -> str | None:
    """Returns a name as it is.

    Raises:
        ValueError: it is empty, no string, or has a slash.
    """
    if name is not None and (not isinstance(name, str) or not name or "/" in name):
        raise ValueError(f"{what}'s name must be a word without '/'; received {name!r}")
    return name
