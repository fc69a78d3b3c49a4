"""Part of `pycnn.ops`: normalization."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycnn.ops._single_layer import AddLayer, Array, as_float32, as_number, backward, forward


def batch_normalization(
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    beta: npt.ArrayLike | None,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    epsilon: float = 1e-3,
) -> Array:
    """Batch normalization with given statistics, as in prediction (Ioffe and Szegedy 2015).

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    Args:
        x: (batch, ..., channels).
        gamma: (channels,); None for 1.
        beta: (channels,); None for 0.
        mean: (channels,).
        variance: (channels,), not negative.
        epsilon: positive.

    Raises:
        ValueError: shapes do not agree, epsilon is not positive, the batch is empty.
    """
    given = [as_float32(p, name) for p, name in ((gamma, "gamma"), (beta, "beta")) if p is not None]
    add = _layer(epsilon, center=beta is not None, scale=gamma is not None)
    parameters = [*given, as_float32(mean, "mean"), as_float32(variance, "variance")]
    return forward("BatchNormalization", as_float32(x), add, parameters)


def batch_normalization_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    epsilon: float = 1e-3,
) -> tuple[Array, Array, Array]:
    """Gradients of `batch_normalization` with mean and variance as constants.

    (dx, dgamma, dbeta): dbeta = sum dy; dgamma = sum dy h, h = (x - mean) / sqrt(variance +
    epsilon); dx = dy * gamma / sqrt(variance + epsilon). The sums run over all axes but the last.
    """
    statistics = [as_float32(mean, "mean"), as_float32(variance, "variance")]
    return _backward(dy, as_float32(x), gamma, statistics, epsilon, training=False)


def batch_normalization_training(
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    beta: npt.ArrayLike | None,
    epsilon: float = 1e-3,
) -> Array:
    """Batch normalization with the batch's own mean and variance, as in training.

    The variance is that of the population: the squared deviations divided by their count, as in
    Keras. Arguments, formula and errors as for `batch_normalization`.
    """
    array = as_float32(x)
    given = [as_float32(p, name) for p, name in ((gamma, "gamma"), (beta, "beta")) if p is not None]
    add = _layer(epsilon, center=beta is not None, scale=gamma is not None)
    return forward("BatchNormalization", array, add, given, training=True)


def batch_normalization_training_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, gamma: npt.ArrayLike | None, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """Gradients of `batch_normalization_training`: (dx, dgamma, dbeta).

    dbeta and dgamma as in `batch_normalization_backward`, with the batch's mean and variance;
    dx = gamma / sqrt(variance + epsilon) * (dy - mean(dy) - h mean(dy h)).
    """
    return _backward(dy, as_float32(x), gamma, [], epsilon, training=True)


def _backward(
    dy: npt.ArrayLike,
    x: Array,
    gamma: npt.ArrayLike | None,
    statistics: list[Array],
    epsilon: float,
    training: bool,
) -> tuple[Array, Array, Array]:
    channels = x.shape[-1:]
    scale = np.ones(channels, np.float32) if gamma is None else as_float32(gamma, "gamma")
    parameters = [scale, np.zeros(channels, np.float32), *statistics]
    add = _layer(epsilon, center=True, scale=True)
    dx, gradients = backward("BatchNormalization", dy, x, add, parameters, training=training)
    return dx, gradients[0], gradients[1]


def _layer(epsilon: float, center: bool, scale: bool) -> AddLayer:
    return lambda graph, value: graph.batch_norm(
        value,
        epsilon=as_number(epsilon, "BatchNormalization", "epsilon"),
        center=center,
        scale=scale,
    )
