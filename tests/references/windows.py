"""Part of `reference`: padding, and the places of a kernel or window."""

from collections.abc import Iterator

import numpy as np


def pair(value):
    """An int or a pair of ints as a pair (height, width)."""
    return (value, value) if isinstance(value, (int, np.integer)) else tuple(value)


def side_pairs(padding):
    """((top, bottom), (left, right)) from a number, (vertical, horizontal) or the pairs."""
    return tuple(pair(side) for side in pair(padding))


def padding_pairs(size, kernel, strides, padding):
    """((top, bottom), (left, right)); 'same' is TensorFlow's rule: the odd pixel goes after."""
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "same":
        pairs = []
        for n, k, s in zip(size, kernel, strides, strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            pairs.append((total // 2, total - total // 2))
        return tuple(pairs)
    return padding


def output_size(size, kernel, strides, pads):
    """(N - F + P) / S + 1, rounded down, for height and width."""
    return tuple(
        (n + before + after - k) // s + 1
        for n, k, s, (before, after) in zip(size, kernel, strides, pads, strict=True)
    )


def positions(
    kernel, strides, out, dilation=(1, 1)
) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """For each kernel position (a, b), row by row: the pixels that it meets, as an index.

    `padded[index]` has the shape of the output: entry (i, j) is pixel
    (i * s_h + a * d_h, j * s_w + b * d_w).
    """
    (sh, sw), (oh, ow), (dh, dw) = strides, out, dilation
    for a in range(kernel[0]):
        for b in range(kernel[1]):
            rows = slice(a * dh, a * dh + sh * (oh - 1) + 1, sh)
            columns = slice(b * dw, b * dw + sw * (ow - 1) + 1, sw)
            yield a, b, (slice(None), rows, columns)


def pad(x, pads, value=0.0):
    return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)


def crop(padded, size, pads):
    (top, _), (left, _) = pads
    return padded[:, top : top + size[0], left : left + size[1]]


def geometry(x, kernel, strides, padding):
    size, strides = x.shape[1:3], pair(strides)
    pads = padding_pairs(size, kernel, strides, padding)
    return size, strides, pads, output_size(size, kernel, strides, pads)
