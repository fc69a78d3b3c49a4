"""Part of `reference`: pooling."""

import numpy as np

from references.arrays import as_f64
from references.windows import crop, geometry, pad, pair, positions


def _max_pool(x, pool_size, strides, padding):
    """The maxima and, for each, the number of the window position that it came from.

    The first maximum in row-major order wins; a NaN is larger than any number; padding never wins.
    """
    pool = pair(pool_size)
    _, strides, pads, out = geometry(x, pool, pool if strides is None else strides, padding)
    padded, inside = pad(x, pads), pad(np.ones(x.shape, dtype=bool), pads, value=False)
    best = np.full((len(x), *out, x.shape[3]), -np.inf)
    winner = np.full(best.shape, -1)
    for a, b, seen in positions(pool, strides, out):
        value = padded[seen]
        larger = (value > best) | (np.isnan(value) & ~np.isnan(best)) | (winner < 0)
        wins = inside[seen] & larger
        best = np.where(wins, value, best)
        winner = np.where(wins, a * pool[1] + b, winner)
    return best, winner


def max_pool2d(x, pool_size=2, strides=None, padding="valid"):
    return _max_pool(as_f64(x), pool_size, strides, padding)[0]


def max_pool2d_backward(dy, x, pool_size=2, strides=None, padding="valid"):
    dy, x, pool = as_f64(dy), as_f64(x), pair(pool_size)
    _, winner = _max_pool(x, pool_size, strides, padding)
    size, strides, pads, out = geometry(x, pool, pool if strides is None else strides, padding)
    dpadded = np.zeros_like(pad(x, pads))
    for a, b, seen in positions(pool, strides, out):
        dpadded[seen] += np.where(winner == a * pool[1] + b, dy, 0.0)
    return crop(dpadded, size, pads)


def pool_counts(shape, pool_size=2, strides=None, padding="valid"):
    """How many pixels of the image (not of the padding) each window holds: (1, out, out, 1)."""
    pool = pair(pool_size)
    ones = np.ones((1, *shape[1:3], 1))
    _, strides, pads, out = geometry(ones, pool, pool if strides is None else strides, padding)
    padded = pad(ones, pads)
    return sum(padded[seen] for _, _, seen in positions(pool, strides, out))


def avg_pool2d(x, pool_size=2, strides=None, padding="valid"):
    x, pool = as_f64(x), pair(pool_size)
    counts = pool_counts(x.shape, pool_size, strides, padding)
    _, strides, pads, out = geometry(x, pool, pool if strides is None else strides, padding)
    padded = pad(x, pads)
    return sum(padded[seen] for _, _, seen in positions(pool, strides, out)) / counts


def avg_pool2d_backward(dy, x, pool_size=2, strides=None, padding="valid"):
    x, pool = as_f64(x), pair(pool_size)
    share = as_f64(dy) / pool_counts(x.shape, pool_size, strides, padding)
    size, strides, pads, out = geometry(x, pool, pool if strides is None else strides, padding)
    dpadded = np.zeros_like(pad(x, pads))
    for _, _, seen in positions(pool, strides, out):
        dpadded[seen] += share
    return crop(dpadded, size, pads)


def global_avg_pool2d(x, keepdims=False):
    return as_f64(x).mean(axis=(1, 2), keepdims=keepdims)


def global_avg_pool2d_backward(dy, x, keepdims=False):
    _, height, width, channels = np.shape(x)
    share = as_f64(dy).reshape(-1, 1, 1, channels) / (height * width)
    return np.broadcast_to(share, np.shape(x)).copy()


def global_max_pool2d(x, keepdims=False):
    return as_f64(x).max(axis=(1, 2), keepdims=keepdims)  # NumPy's maximum of a NaN is NaN


def global_max_pool2d_backward(dy, x, keepdims=False):
    batch, height, width, channels = np.shape(x)
    flat = as_f64(x).reshape(batch, height * width, channels)
    first = flat.argmax(axis=1)[:, None]  # NumPy's: the first of equal ones, or the first NaN
    dx = np.zeros_like(flat)
    np.put_along_axis(dx, first, as_f64(dy).reshape(batch, 1, channels), axis=1)
    return dx.reshape(np.shape(x))
