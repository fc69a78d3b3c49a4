"""Part of `reference`: batch normalization."""

import numpy as np

from references.arrays import as_f64


def _factor(gamma, deviation):
    return (1.0 if gamma is None else as_f64(gamma)) / deviation


def batch_statistics(x):
    """Mean and variance of each channel, the variance divided by the count."""
    axes = tuple(range(np.ndim(x) - 1))
    return as_f64(x).mean(axis=axes), as_f64(x).var(axis=axes)


def batch_normalization(x, gamma, beta, mean, variance, epsilon=1e-3):
    deviation = np.sqrt(as_f64(variance) + epsilon)
    return (as_f64(x) - as_f64(mean)) * _factor(gamma, deviation) + (0.0 if beta is None else beta)


def batch_normalization_backward(dy, x, gamma, mean, variance, epsilon=1e-3):
    dy, deviation = as_f64(dy), np.sqrt(as_f64(variance) + epsilon)
    axes = tuple(range(dy.ndim - 1))
    h = (as_f64(x) - as_f64(mean)) / deviation
    return dy * _factor(gamma, deviation), (dy * h).sum(axis=axes), dy.sum(axis=axes)


def batch_normalization_training(x, gamma, beta, epsilon=1e-3):
    return batch_normalization(x, gamma, beta, *batch_statistics(x), epsilon)


def batch_normalization_training_backward(dy, x, gamma, epsilon=1e-3):
    """By way of the statistics: dx = dy dy/dx + dmean / n + dvariance 2 (x - mean) / n."""
    dy, x = as_f64(dy), as_f64(x)
    mean, variance = batch_statistics(x)
    axes, count = tuple(range(dy.ndim - 1)), x[..., 0].size
    factor = _factor(gamma, np.sqrt(variance + epsilon))
    direct, dgamma, dbeta = batch_normalization_backward(dy, x, gamma, mean, variance, epsilon)
    dmean = -(dy * factor).sum(axis=axes)
    dvariance = -0.5 * (dy * (x - mean) * factor).sum(axis=axes) / (variance + epsilon)
    return direct + dmean / count + dvariance * 2 * (x - mean) / count, dgamma, dbeta
