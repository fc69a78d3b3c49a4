"""Part of `reference`: the fully connected layer, flattening, and scaling of the input."""

import numpy as np

from references.arrays import as_f64


def dense(x, kernel, bias=None):
    y = as_f64(x) @ as_f64(kernel)
    return y if bias is None else y + as_f64(bias)


def dense_backward(dy, x, kernel):
    dy = as_f64(dy)
    return dy @ as_f64(kernel).T, as_f64(x).T @ dy, dy.sum(axis=0)


def flatten(x):
    return as_f64(x).reshape(len(x), -1)


def flatten_backward(dy, x):
    return as_f64(dy).reshape(np.shape(x))


def rescale(x, scale, offset=0.0):
    return as_f64(x) * scale + offset


def rescale_backward(dy, x, scale, offset=0.0):
    return as_f64(dy) * scale
