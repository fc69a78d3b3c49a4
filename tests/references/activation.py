"""Part of `reference`: activations."""

import math

import numpy as np

from references.arrays import as_f32, as_f64


def relu(x):
    x = as_f64(x)
    return np.where(x < 0, 0.0, x)  # a NaN is not below zero and stays


def relu_backward(dy, x):
    return np.where(as_f64(x) > 0, as_f64(dy), 0.0)


def sigmoid(x):
    x = as_f64(x)
    small = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def sigmoid_backward(dy, x):
    return as_f64(dy) * sigmoid(x) * sigmoid(-as_f64(x))


def tanh(x):
    return np.tanh(as_f64(x))


def tanh_backward(dy, x):
    return as_f64(dy) * (1.0 - tanh(x) ** 2)


def softmax(x):
    x = as_f64(x)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dy, x):
    dy, p = as_f64(dy), softmax(x)
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def leaky_relu(x, negative_slope=0.2):
    x = as_f64(x)
    return np.where(x > 0, x, as_f32(negative_slope) * x)


def leaky_relu_backward(dy, x, negative_slope=0.2):
    return as_f64(dy) * np.where(as_f64(x) > 0, 1.0, as_f32(negative_slope))


def elu(x, alpha=1.0):
    x = as_f64(x)
    return np.where(x > 0, x, as_f32(alpha) * np.expm1(np.minimum(x, 0.0)))


def elu_backward(dy, x, alpha=1.0):
    x = as_f64(x)
    return as_f64(dy) * np.where(x > 0, 1.0, as_f32(alpha) * np.exp(np.minimum(x, 0.0)))


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def gelu_tanh_argument(x):
    return math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)


def normal_distribution(x, approximate=False):
    """The P of GELU: of a standard normal number, the probability to be below x."""
    x = as_f64(x)
    if approximate:
        return sigmoid(2.0 * gelu_tanh_argument(x))
    return 0.5 * _erfc(-x / math.sqrt(2.0))


def gelu(x, approximate=False):
    return as_f64(x) * normal_distribution(x, approximate)


def gelu_backward(dy, x, approximate=False):
    x, p = as_f64(x), normal_distribution(x, approximate)
    if approximate:
        u = gelu_tanh_argument(x)
        slope = math.sqrt(2.0 / math.pi) * (1.0 + 3.0 * 0.044715 * x**2)
        return as_f64(dy) * (p + 0.5 * x * slope / np.cosh(np.minimum(np.abs(u), 300.0)) ** 2)
    return as_f64(dy) * (p + x * np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi))
