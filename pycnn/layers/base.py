"""What every layer has: a name, options, and a way into the graph."""

from collections.abc import Sequence
from typing import Any, NoReturn
from weakref import ReferenceType

from pycnn import _arrays, initializers
from pycnn._checks import shape_tuple
from pycnn._core import Graph
from pycnn._graph_builder import GraphBuilder, Shapes
from pycnn._weights import Held
from pycnn.layers import own
from pycnn.layers.symbolic import Operation, checked_name


class Layer(Operation):
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
        self,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        **unknown: NoReturn,
    ) -> None:
        if unknown:  # said here in the name of the class that the user wrote
            option = next(iter(unknown))
            raise TypeError(f"{type(self).__name__} has no option {option!r}")
        super().__init__(checked_name(name, "a layer"))
        self._weights: list[own.Weight] = []
        self._shapes: Shapes | None = None  # of its weights, once a model has settled them
        self._model: ReferenceType[Any] | None = None  # the last model that took it
        self._held: Held | None = None  # where its weights have their newest values
        self.input_shape = (
            None if input_shape is None else shape_tuple(input_shape, "input_shape", self._where)
        )

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
        if name is None:
            raise ValueError(f"{self._where}a weight's name must be a word without '/'; got None")
        checked_name(name, f"{self._where}a weight")
        if any(weight.name == name for weight in self._weights):
            raise ValueError(f"{self._where}already has a weight {name!r}")
        weight = own.Weight(
            name,
            shape_tuple(shape, "shape", self._where),
            initializers.get(initializer, self._where),
            self._where,
            own.fetcher(self, len(self._weights)),
        )
        self._weights.append(weight)
        return weight

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, JSON-able; extend it for your own."""
        return {"name": self.name}

    def get_weights(self) -> list[own.Array]:
        """Returns copies of the layer's weights: kernel, then bias.

        Raises:
            ValueError: no model holds the layer, so there are none yet.
        """
        held = self._ready_held()
        return [] if held is None else held.values()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the layer's weights, in the order of `get_weights`, in every model that holds it.

        Raises:
            ValueError: another number of weights, or one of another shape; nothing is changed.
        """
        held = self._ready_held()
        shapes = self._shapes or ()
        if len(weights) != len(shapes):
            raise ValueError(f"{self._where}has {len(shapes)} weights; received {len(weights)}")
        arrays = []
        for number, (shape, weight) in enumerate(zip(shapes, weights, strict=True)):
            array = _arrays.numbers(weight, f"{self._where}weight {number}")
            if array.shape != shape:
                raise ValueError(
                    f"{self._where}weight {number} has shape {shape}; received {array.shape}"
                )
            arrays.append(array.astype("float32", copy=False))
        if held is not None:
            held.set(arrays)

    def _ready_held(self) -> Held | None:
        """Where the weights are; a model that has no network yet makes one. None without any."""
        model = self._model() if self._model is not None else None
        if self._held is None and model is not None:
            model._ready_network()
        if self._held is None and self._shapes != ():
            raise ValueError(f"{self._where}has no weights before a model holds it")
        return self._held

    def _add_to(self, graph: Graph, value: int) -> int:
        """Adds the layer's nodes to `graph` behind `value`; returns the value of its output."""
        self._weights = []
        return own.add_python_layer(self, graph, value)

    def _add_all(self, graph: Graph, values: Sequence[int]) -> int:
        """The same for a layer of any number of inputs."""
        if len(values) != 1:
            raise ValueError(f"{self._where}takes one input; received {len(values)}")
        return self._add_to(graph, values[0])

    def _connect(self, builder: GraphBuilder, values: list[int]) -> list[int]:
        return [builder.add(self, values)]

    def _check_made(self) -> None:
        if not hasattr(self, "_weights"):
            raise TypeError(f"[{type(self).__name__}] __init__ must call super().__init__()")

    def _check_input_shape(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Compares what comes with ``input_shape=``."""
        if self.input_shape is not None and tuple(shapes[0]) != self.input_shape:
            raise ValueError(
                f"{self._where}input_shape={self.input_shape} does not match what comes before "
                f"it, {tuple(shapes[0])}"
            )

    def _check_reuse(self) -> None:
        """Raises ValueError when the layer cannot be called twice in one model."""
        if type(self)._add_to is Layer._add_to:
            raise ValueError(
                f"{self._where}is called twice: a layer written in Python keeps one forward pass "
                "for its backward; make another layer"
            )

    def _image_shape(self) -> tuple[int, ...] | None:
        return self.input_shape
