"""Part of `pycnn.ops`: local response normalization."""

from __future__ import annotations

import numpy.typing as npt

from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    as_float32,
    as_int,
    as_number,
    backward,
    forward,
)


def local_response_norm(
    x: npt.ArrayLike, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> Array:
    """Local response normalization across channels (AlexNet: Krizhevsky et al. 2012, 3.3).

    y_i = x_i / s_i^beta with s_i = k + alpha * sum of x_j^2 over the channels j from i - n // 2
    to i + (n - 1) // 2 that exist. Alpha multiplies the sum, as in the paper; PyTorch divides its
    alpha by n first.

    Args:
        x: (batch, ..., channels).
        n: channels in the sum, at least 1.
        k: positive.
        alpha: not negative.
        beta: the exponent.

    Returns:
        The shape of x.

    Raises:
        ValueError: an option is out of its range, the batch is empty.
    """
    layer = _local_response_norm_layer(n, k, alpha, beta)
    return forward("LocalResponseNormalization", as_float32(x), layer)


def local_response_norm_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    n: int = 5,
    k: float = 2.0,
    alpha: float = 1e-4,
    beta: float = 0.75,
) -> Array:
    """Gradient of `local_response_norm` by x.

    dy_i / s_i^beta - 2 alpha beta x_i * sum of dy_j x_j / s_j^(beta + 1) over the channels j that
    have x_i in their sum. Arguments and errors as for `local_response_norm`.
    """
    layer = _local_response_norm_layer(n, k, alpha, beta)
    return backward("LocalResponseNormalization", dy, as_float32(x), layer)[0]


def _local_response_norm_layer(n: int, k: float, alpha: float, beta: float) -> AddLayer:
    op = "LocalResponseNormalization"
    return lambda graph, value: graph.local_response_norm(
        value,
        n=as_int(n, op, "n"),
        k=as_number(k, op, "k"),
        alpha=as_number(alpha, op, "alpha"),
        beta=as_number(beta, op, "beta"),
    )
