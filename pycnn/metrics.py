"""Metrics: the share of the images whose label is among the k likeliest classes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycnn import _arrays
from pycnn._checks import positive_int
from pycnn._names import known_name, snake_case


class Metric:
    """Top-k accuracy, counted by the native core on the way.

    Attributes:
        k: an image counts when its label is among the k likeliest classes.
        labels: "sparse" for integer labels, "one_hot", or "any".
        name: the key in logs and in History.
    """

    labels = "any"

    def __init__(self, name: str, k: int = 1) -> None:
        self.name = str(name)
        self.k = positive_int(k, "k", f"[{type(self).__name__}] ")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"name": self.name}

    def check_loss(self, loss_kind: str) -> None:
        """Refuses labels of the other kind than the loss takes."""
        taken = "sparse" if loss_kind == "sparse_categorical_crossentropy" else "one_hot"
        if self.labels not in ("any", taken):
            raise ValueError(
                f"metric {self.name!r} counts {self.labels} labels, but the loss "
                f"{loss_kind!r} takes {taken} ones"
            )


class Accuracy(Metric):
    """Share of the images whose likeliest class is the label."""

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name)


class SparseCategoricalAccuracy(Metric):
    """Accuracy on integer labels."""

    labels = "sparse"

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name)


class CategoricalAccuracy(Metric):
    """Accuracy on one-hot labels."""

    labels = "one_hot"

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name)


class TopKCategoricalAccuracy(Metric):
    """Share of the images whose one-hot label is among the k likeliest classes."""

    labels = "one_hot"

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy") -> None:
        super().__init__(name, k)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"name": self.name, "k": self.k}


class SparseTopKCategoricalAccuracy(Metric):
    """Share of the images whose integer label is among the k likeliest classes."""

    labels = "sparse"

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy") -> None:
        super().__init__(name, k)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"name": self.name, "k": self.k}


_CLASSES: tuple[type[Metric], ...] = (
    Accuracy,
    SparseCategoricalAccuracy,
    CategoricalAccuracy,
    TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
)
_BY_NAME: dict[str, Any] = {snake_case(cls.__name__): cls for cls in _CLASSES} | {"acc": Accuracy}


def get(identifier: str | Metric) -> Metric:
    """Returns a metric given as name or instance; "acc" keeps that name in the logs.

    Raises:
        ValueError: the name is unknown; the message has the nearest known one.
        TypeError: neither a name nor a metric.
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str) and snake_case(identifier) in _BY_NAME:
        key = snake_case(identifier)
    else:
        key = known_name("metric", identifier, _BY_NAME)
    metric: Metric = _BY_NAME[key]()
    metric.name = key
    return metric


def from_config(class_name: str, config: dict[str, Any]) -> Metric:
    """Makes a metric from the name of its class and what `get_config` gave."""
    known = {cls.__name__: cls for cls in _CLASSES}
    metric: Metric = known[known_name("metric", class_name, known)](**config)
    return metric


def confusion_matrix(y_true: Any, y_pred: Any, classes: int) -> npt.NDArray[np.int64]:
    """Counts how often each class was taken for each.

    Args:
        y_true: labels, integers ``(images,)`` in [0, classes).
        y_pred: predicted labels likewise; ``model.predict(x).argmax(axis=1)`` gives them.
        classes: number of classes.

    Returns:
        ``(classes, classes)``; row: the label, column: what was predicted.

    Raises:
        ValueError: lengths differ, or a label is out of range or no integer.
    """
    classes = positive_int(classes, "classes")
    truth = _arrays.labels(y_true, "y_true")
    guess = _arrays.labels(y_pred, "y_pred")
    _arrays.check_lengths(truth, guess, "y_true", "y_pred")
    _arrays.check_range(truth, classes, "y_true")
    _arrays.check_range(guess, classes, "y_pred")
    counts = np.bincount(truth * classes + guess, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64, copy=False)
