"""Part of `reference`: ops with several inputs."""

import numpy as np

from references.arrays import as_f64


def add(a, b):
    return as_f64(a) + as_f64(b)


def add_backward(dy, a, b):
    return as_f64(dy), as_f64(dy)


def concatenate(xs, axis=-1):
    return np.concatenate([as_f64(x) for x in xs], axis=axis)


def concatenate_backward(dy, xs, axis=-1):
    ends = np.cumsum([np.shape(x)[axis] for x in xs])
    return tuple(np.split(as_f64(dy), ends[:-1], axis=axis))
