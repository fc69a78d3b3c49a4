"""Part of `reference`: local response normalization."""

import numpy as np

from references.arrays import as_f32, as_f64


def channel_sums(values, before, after):
    """For each channel the sum over those from `before` below it to `after` above."""
    channels = values.shape[-1]
    sums = np.zeros_like(values)
    for i in range(channels):
        sums[..., i] = values[..., max(i - before, 0) : i + after + 1].sum(axis=-1)
    return sums


def local_response_scale(x, n, k, alpha):
    return as_f32(k) + as_f32(alpha) * channel_sums(as_f64(x) ** 2, n // 2, (n - 1) // 2)


def local_response_norm(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return as_f64(x) / local_response_scale(x, n, k, alpha) ** as_f32(beta)


def local_response_norm_backward(dy, x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    dy, x, alpha, beta = as_f64(dy), as_f64(x), as_f32(alpha), as_f32(beta)
    s = local_response_scale(x, n, k, alpha)
    shares = channel_sums(dy * x / s ** (beta + 1.0), (n - 1) // 2, n // 2)
    return dy / s**beta - 2.0 * alpha * beta * x * shares
