"""Part of `pycnn.ops`: the fully connected layer, flattening, and scaling of the input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    as_float32,
    as_kernel,
    as_number,
    backward,
    elementwise,
    elementwise_backward,
    format_shape,
    forward,
)


def dense(x: npt.ArrayLike, kernel: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    """Fully connected layer: y = x @ kernel + bias.

    Args:
        x: (batch, in).
        kernel: (in, out).
        bias: (out,), or None for no bias.

    Returns:
        (batch, out).

    Raises:
        ValueError: ranks or sizes do not agree, the batch is empty.
    """
    rows, weights = as_float32(x), as_kernel(kernel, 2, "Dense")
    parameters = [weights] if bias is None else [weights, as_float32(bias, "bias")]
    return forward("Dense", rows, _dense_layer(rows, weights, bias is not None), parameters)


def dense_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, kernel: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    """Gradients of `dense`: dx = dy @ kernel^T, dkernel = x^T @ dy, dbias = sum of dy's rows."""
    rows, weights = as_float32(x), as_kernel(kernel, 2, "Dense")
    parameters = [weights, np.zeros(weights.shape[1], np.float32)]
    dx, (dkernel, dbias) = backward(
        "Dense", dy, rows, _dense_layer(rows, weights, True), parameters
    )
    return dx, dkernel, dbias


def flatten(x: npt.ArrayLike) -> Array:
    """(batch, ...) -> (batch, product of the rest), in row-major order."""
    return forward("Flatten", as_float32(x), lambda graph, value: graph.flatten(value))


def flatten_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `flatten`: dy in the shape of x."""
    return backward("Flatten", dy, as_float32(x), lambda graph, value: graph.flatten(value))[0]


def rescale(x: npt.ArrayLike, scale: float, offset: float = 0.0) -> Array:
    """X * scale + offset, for x of any shape; ValueError unless both numbers are finite."""
    return elementwise("Rescaling", x, _rescale_layer(scale, offset))


def rescale_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, scale: float, offset: float = 0.0
) -> Array:
    """Gradient of `rescale` by x: dy * scale."""
    return elementwise_backward("Rescaling", dy, x, _rescale_layer(scale, offset))


def _dense_layer(x: Array, kernel: Array, use_bias: bool) -> AddLayer:
    if x.ndim == 2 and x.shape[1] != kernel.shape[0]:
        raise ValueError(
            f"[Dense] kernel {kernel.shape} expects {kernel.shape[0]} features; "
            f"received input shape {format_shape(x)}"
        )
    units = kernel.shape[1]
    return lambda graph, value: graph.dense(
        value, units=units, use_bias=use_bias, kernel_initializer="zeros"
    )


def _rescale_layer(scale: float, offset: float) -> AddLayer:
    return lambda graph, value: graph.rescale(
        value,
        scale=as_number(scale, "Rescaling", "scale"),
        offset=as_number(offset, "Rescaling", "offset"),
    )
