"""What every layer has: a name, options, and a way into the graph."""

from collections.abc import Sequence
from typing import Any
from weakref import ReferenceType

from pycnn import initializers
from pycnn._checks import shape_tuple
from pycnn._core import Graph
from pycnn._names import snake_case
from pycnn.layers import own


class Layer:
    """A layer; the base of pycnn's layers and of your own.

    A layer of your own computes on whole batches in NumPy, float32, batch first:

        class Scale(pycnn.layers.Layer):
            def build(self, input_shape):
                self.scale = self.add_weight("scale", (input_shape[-1],), "ones")

            def forward(self, x, training=False):
                self.x = x
                return x * self.scale.value

            def backward(self, dy):
                self.scale.gradient = (dy * self.x).sum(axis=tuple(range(dy.ndim - 1)))
                return dy * self.scale.value

    With arguments of its own it passes `name` and `input_shape` on to this class and extends
    `get_config`; to load a saved model, hand the class to ``load_model(custom_objects=...)``.

    Args:
        input_shape: shape of one image, without the batch; for the first layer of a model.
        name: unique within the model; by default from the class, as in Keras.
    """

    def __init__(
        self, *, input_shape: Sequence[int] | None = None, name: str | None = None
    ) -> None:
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"a layer's name must be a word without '/'; received {name!r}")
        self._name = name
        self._given_name = name is not None
        self._owner: ReferenceType[Any] | None = None
        self._weights: list[own.Weight] = []
        self.input_shape = (
            None if input_shape is None else shape_tuple(input_shape, "input_shape", self._where)
        )

    @property
    def name(self) -> str:
        """The layer's name; one made from the class is settled when a model takes the layer."""
        return self._name or snake_case(type(self).__name__)

    @property
    def _where(self) -> str:
        return f"[{type(self).__name__} {self.name!r}] "

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the weights by `add_weight`; called once the shape is known.

        Args:
            input_shape: with the batch dimension first, which is None.
        """

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape that `forward` gives, batch dimension (None) first; here the same."""
        return input_shape

    def forward(self, x: own.Array, training: bool = False) -> own.Array:
        """Returns the outputs of a batch.

        Args:
            x: float32, ``(images, ...)``.
            training: whether `backward` will follow.
        """
        raise NotImplementedError(f"{self._where}has no forward(x, training)")

    def backward(self, dy: own.Array) -> own.Array:
        """Returns the gradient by the inputs of the last `forward` and sets those of the weights.

        Args:
            dy: gradient of the loss by the outputs, float32, ``(images, ...)``.
        """
        raise NotImplementedError(f"{self._where}has no backward(dy)")

    def add_weight(
        self, name: str, shape: Sequence[int], initializer: str = "glorot_uniform"
    ) -> own.Weight:
        """Adds a trainable weight; to be called in `build`.

        Args:
            name: unique within the layer.
            shape: of the weight.
            initializer: one of `pycnn.initializers`, by name or as an object.

        Returns:
            the weight: read ``.value`` in forward and backward, set ``.gradient`` in backward.
        """
        if any(weight.name == name for weight in self._weights):
            raise ValueError(f"{self._where}already has a weight {name!r}")
        weight = own.Weight(
            name,
            shape_tuple(shape, "shape", self._where),
            initializers.get(initializer, self._where),
            self._where,
        )
        self._weights.append(weight)
        return weight

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, JSON-able; extend it for your own."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """Makes a layer from what `get_config` gave."""
        return cls(**config)

    def _add_to(self, graph: Graph, value: int) -> int:
        """Adds the layer's nodes to `graph` behind `value`; returns the value of its output."""
        self._weights = []
        return own.add_python_layer(self, graph, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"
