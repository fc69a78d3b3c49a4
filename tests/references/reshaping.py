"""Part of `reference`: zeros around an image, other shapes, other orders of the axes."""

import numpy as np

from references.arrays import as_f64
from references.windows import crop, pad, side_pairs


def zero_pad2d(x, padding=1):
    return pad(as_f64(x), side_pairs(padding))


def zero_pad2d_backward(dy, x, padding=1):
    return crop(as_f64(dy), np.shape(x)[1:3], side_pairs(padding))


def reshape(x, shape):
    return as_f64(x).reshape(len(x), *shape)


def reshape_backward(dy, x, shape):
    return as_f64(dy).reshape(np.shape(x))


def permute(x, dims):
    return as_f64(x).transpose(0, *dims)


def permute_backward(dy, x, dims):
    return as_f64(dy).transpose(np.argsort([0, *dims]))
