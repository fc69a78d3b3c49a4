"""Part of `reference`: convolution."""

import numpy as np

from references.arrays import as_f64
from references.windows import crop, geometry, pad, pair, positions


def _conv_geometry(x, kernel, strides, padding, dilation):
    """As `geometry` with the kernel's extent, its gaps included, and `positions` of its taps."""
    taps, dilation = kernel.shape[:2], pair(dilation)
    extent = tuple((k - 1) * d + 1 for k, d in zip(taps, dilation, strict=True))
    size, strides, pads, out = geometry(x, extent, strides, padding)
    return size, pads, out, list(positions(taps, strides, out, dilation))


def conv2d_pads(x, kernel, padding):
    """Rows and columns of zeros: ((top, bottom), (left, right)), for strides of 1."""
    return _conv_geometry(x, kernel, 1, padding, 1)[1]


def _parts(groups, *channels):
    """For each group its slice of each number of channels."""
    for g in range(groups):
        yield [slice(g * n // groups, (g + 1) * n // groups) for n in channels]


def conv2d(x, kernel, bias=None, strides=1, padding="valid", dilation=1, groups=1):
    x, kernel = as_f64(x), as_f64(kernel)
    _, pads, out, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded = pad(x, pads)
    y = np.zeros((len(x), *out, kernel.shape[3]))
    for i, o in _parts(groups, x.shape[3], kernel.shape[3]):
        for a, b, seen in taps:
            y[..., o] += padded[..., i][seen] @ kernel[a, b, :, o]
    return y if bias is None else y + as_f64(bias)


def conv2d_backward(dy, x, kernel, strides=1, padding="valid", dilation=1, groups=1):
    dy, x, kernel = as_f64(dy), as_f64(x), as_f64(kernel)
    size, pads, _, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded = pad(x, pads)
    dpadded, dkernel = np.zeros_like(padded), np.zeros_like(kernel)
    for i, o in _parts(groups, x.shape[3], kernel.shape[3]):
        for a, b, seen in taps:
            dkernel[a, b, :, o] = np.tensordot(
                padded[..., i][seen], dy[..., o], axes=([0, 1, 2],) * 2
            )
            dpadded[..., i][seen] += dy[..., o] @ kernel[a, b, :, o].T
    return crop(dpadded, size, pads), dkernel, dy.sum(axis=(0, 1, 2))


def depthwise_conv2d(x, kernel, bias=None, strides=1, padding="valid", dilation=1):
    x, kernel = as_f64(x), as_f64(kernel)
    _, pads, out, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded = pad(x, pads)
    y = np.zeros((len(x), *out, *kernel.shape[2:]))
    for a, b, seen in taps:
        y += padded[seen][..., np.newaxis] * kernel[a, b]
    y = y.reshape(*y.shape[:3], -1)
    return y if bias is None else y + as_f64(bias)


def depthwise_conv2d_backward(dy, x, kernel, strides=1, padding="valid", dilation=1):
    dy, x, kernel = as_f64(dy), as_f64(x), as_f64(kernel)
    size, pads, _, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded, split = pad(x, pads), dy.reshape(*dy.shape[:3], *kernel.shape[2:])
    dpadded, dkernel = np.zeros_like(padded), np.zeros_like(kernel)
    for a, b, seen in taps:
        dkernel[a, b] = (padded[seen][..., np.newaxis] * split).sum(axis=(0, 1, 2))
        dpadded[seen] += (split * kernel[a, b]).sum(axis=-1)
    return crop(dpadded, size, pads), dkernel, dy.sum(axis=(0, 1, 2))
