"""Part of `reference`: dropout, and the random numbers that it goes by."""

import math

import numpy as np

from references.arrays import as_f32, as_f64


def philox4x32(counter, key):
    """Philox4x32-10 of Salmon et al. (SC 2011): four words in, four out; arrays of uint64."""
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    k0, k1 = key
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (p1 >> half) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> half) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1)


def dropout_factors(shape, rate, seed=0, node=0, step=0):
    """What dropout multiplies by: 0, or 1 / (1 - rate) where a number is kept."""
    rate = as_f32(rate)
    if rate == 0.0:
        return np.ones(shape)
    elements = int(np.prod(shape[1:]))
    groups = -(-elements // 4)
    index = np.arange(shape[0] * groups, dtype=np.uint64)
    stream = 2**62 + node * 2**40 + step
    counter = (index % 2**32, index // 2**32, stream % 2**32, stream // 2**32)
    words = philox4x32(counter, (seed % 2**32, seed // 2**32))
    words = words.reshape(shape[0], groups * 4)[:, :elements].reshape(shape)
    return np.where(words >= math.floor(rate * 2**32), 1.0 / (1.0 - rate), 0.0)


def dropout(x, rate, seed=0):
    return as_f64(x) * dropout_factors(np.shape(x), rate, seed)


def dropout_backward(dy, x, rate, seed=0):
    return as_f64(dy) * dropout_factors(np.shape(x), rate, seed)
