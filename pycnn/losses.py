"""Losses: what training makes small. Each is the mean over the images of a batch."""

from typing import Any

from pycnn import _arrays, _core
from pycnn._checks import boolean
from pycnn._names import known_name, snake_case


class Loss:
    """A loss that the native core knows; called as in Keras, ``loss(y_true, y_pred)``."""

    #: The name that the core and `compile` know.
    kind: str
    from_logits: bool = False

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Returns the mean loss over a batch.

        Args:
            y_true: labels ``(images,)`` for a sparse loss, else values shaped like `y_pred`.
            y_pred: what the model gave, ``(images, ...)``, float32.
        """
        predictions = _arrays.numbers(y_pred, "y_pred")
        targets = _arrays.targets(y_true, self.kind, predictions.shape[1:], name="y_true")
        floats = predictions.astype("float32", copy=False)
        value, _ = _core.loss(self._native_kind(), _core.Tensor(floats), targets)
        return value

    def _native_kind(self) -> str:
        return "softmax_cross_entropy" if self.from_logits else "cross_entropy"

    def get_config(self) -> dict[str, Any]:
        """Returns the options of the loss."""
        return {"from_logits": self.from_logits}

    def __repr__(self) -> str:
        options = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({options})"


class SparseCategoricalCrossentropy(Loss):
    """``-log p[label]``, labels as integers ``(images,)``.

    Args:
        from_logits: whether the model gives logits (no softmax at its end).
    """

    kind = "sparse_categorical_crossentropy"

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = boolean(from_logits, "from_logits", f"[{type(self).__name__}] ")


class CategoricalCrossentropy(Loss):
    """``-sum(t * log p)``, labels one-hot ``(images, classes)``.

    Args:
        from_logits: whether the model gives logits (no softmax at its end).
    """

    kind = "categorical_crossentropy"

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = boolean(from_logits, "from_logits", f"[{type(self).__name__}] ")


class MeanSquaredError(Loss):
    """``mean((t - p)**2)`` over all outputs."""

    kind = "mean_squared_error"

    def _native_kind(self) -> str:
        return self.kind

    def get_config(self) -> dict[str, Any]:
        """Returns the options of the loss: none."""
        return {}


_CLASSES: tuple[type[Loss], ...] = (
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    MeanSquaredError,
)
_BY_NAME: dict[str, type[Loss]] = {cls.kind: cls for cls in _CLASSES} | {"mse": MeanSquaredError}


def get(identifier: str | Loss) -> Loss:
    """Returns a loss given as name, Keras's class name or instance.

    Raises:
        ValueError: the name is unknown; the message has the nearest known one.
        TypeError: neither a name nor a loss.
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str) and snake_case(identifier) in _BY_NAME:
        return _BY_NAME[snake_case(identifier)]()
    return _BY_NAME[known_name("loss", identifier, _BY_NAME)]()


def from_config(kind: str, config: dict[str, Any]) -> Loss:
    """Makes a loss from its kind and what `get_config` gave."""
    return _BY_NAME[known_name("loss", kind, _BY_NAME)](**config)
