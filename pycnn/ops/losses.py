"""Part of `pycnn.ops`: losses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycnn import _core
from pycnn.ops._single_layer import (
    Array,
    as_float32,
    as_numpy,
)


def softmax_cross_entropy(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Mean over the batch of -sum_j t_j log softmax(z)_j.

    Args:
        logits: z, (batch, classes).
        labels: t: class numbers, integers (batch,), or one-hot or soft labels (batch, classes).

    Returns:
        The loss in nats per image.

    Raises:
        ValueError: a class number out of range, shapes that do not agree, an empty batch.
    """
    return _loss("softmax_cross_entropy", logits, labels)[0]


def softmax_cross_entropy_backward(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Gradient of `softmax_cross_entropy` by z: (softmax(z) * sum(t) - t) / batch."""
    return _loss("softmax_cross_entropy", logits, labels)[1]


def cross_entropy(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Mean over the batch of -sum_j t_j log p_j + sum(t) log sum_j p_j: rows need not sum to 1.

    Probabilities are kept in [1e-7, 1 - 1e-7], as in Keras. Arguments and errors as for
    `softmax_cross_entropy`, but for probabilities p in place of logits.
    """
    return _loss("cross_entropy", probabilities, labels)[0]


def cross_entropy_backward(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Gradient of `cross_entropy` by p: (sum(t) / sum_k p_k - t / p) / batch.

    It is zero where a probability was clipped.
    """
    return _loss("cross_entropy", probabilities, labels)[1]


def mean_squared_error(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
    """Mean over all elements of (y_pred - y_true)^2; both of one shape (batch, ...)."""
    return _loss("mean_squared_error", y_pred, as_float32(y_true, "y_true"))[0]


def mean_squared_error_backward(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> Array:
    """Gradient of `mean_squared_error` by y_pred: 2 * (y_pred - y_true) / number of elements."""
    return _loss("mean_squared_error", y_pred, as_float32(y_true, "y_true"))[1]


def _loss(kind: str, predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[float, Array]:
    labels = np.asarray(targets)
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        goal = _core.Tensor(np.ascontiguousarray(labels, dtype=np.int64))
    else:
        goal = _core.Tensor(as_float32(targets, "labels"))
    value, gradient = _core.loss(kind, _core.Tensor(as_float32(predictions, "predictions")), goal)
    return value, as_numpy(gradient)
