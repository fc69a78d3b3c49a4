"""Part of `reference`: losses."""

import numpy as np

from references.activation import softmax
from references.arrays import as_f64

CLIP = 1e-7  # probabilities are kept in [CLIP, 1 - CLIP] before a logarithm is taken


def targets(labels, classes):
    """Labels (n,) as one-hot rows; one-hot or soft labels (n, classes) as they are."""
    labels = np.asarray(labels)
    return np.eye(classes)[labels] if labels.ndim == 1 else as_f64(labels)


def softmax_cross_entropy(logits, labels):
    logits = as_f64(logits)
    y = targets(labels, logits.shape[1])
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-(y * log_p).sum() / len(y))


def softmax_cross_entropy_backward(logits, labels):
    y = targets(labels, np.shape(logits)[1])
    return (softmax(logits) * y.sum(axis=1, keepdims=True) - y) / len(y)


def cross_entropy(probabilities, labels):
    p = np.clip(as_f64(probabilities), CLIP, 1.0 - CLIP)
    y = targets(labels, p.shape[1])
    return float((-(y * np.log(p)).sum() + (y.sum(axis=1) * np.log(p.sum(axis=1))).sum()) / len(y))


def cross_entropy_backward(probabilities, labels):
    raw = as_f64(probabilities)
    p = np.clip(raw, CLIP, 1.0 - CLIP)
    y = targets(labels, p.shape[1])
    gradient = -y / p + y.sum(axis=1, keepdims=True) / p.sum(axis=1, keepdims=True)
    return np.where(raw == p, gradient, 0.0) / len(y)


def mean_squared_error(y_pred, y_true):
    return float(np.mean((as_f64(y_pred) - as_f64(y_true)) ** 2))


def mean_squared_error_backward(y_pred, y_true):
    return 2.0 * (as_f64(y_pred) - as_f64(y_true)) / np.size(y_pred)
