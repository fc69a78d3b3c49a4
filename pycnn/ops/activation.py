"""Part of `pycnn.ops`: activations."""

from __future__ import annotations

import numpy.typing as npt

from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    as_flag,
    as_number,
    elementwise,
    elementwise_backward,
)


def relu(x: npt.ArrayLike) -> Array:
    """max(0, x), for x of any shape; a NaN stays a NaN."""
    return elementwise("ReLU", x, _activation_layer("relu"))


def relu_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `relu`: dy where x > 0, else 0 (at 0 as well)."""
    return elementwise_backward("ReLU", dy, x, _activation_layer("relu"))


def sigmoid(x: npt.ArrayLike) -> Array:
    """1 / (1 + exp(-x)), for x of any shape."""
    return elementwise("Sigmoid", x, _activation_layer("sigmoid"))


def sigmoid_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `sigmoid`: dy * y * (1 - y)."""
    return elementwise_backward("Sigmoid", dy, x, _activation_layer("sigmoid"))


def tanh(x: npt.ArrayLike) -> Array:
    """Hyperbolic tangent, for x of any shape."""
    return elementwise("Tanh", x, _activation_layer("tanh"))


def tanh_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `tanh`: dy * (1 - y^2)."""
    return elementwise_backward("Tanh", dy, x, _activation_layer("tanh"))


def softmax(x: npt.ArrayLike) -> Array:
    """exp(x_j - m) / sum_k exp(x_k - m) over the last axis, m the largest x; any other axes."""
    return elementwise("Softmax", x, _activation_layer("softmax"))


def softmax_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `softmax`: y_j * (dy_j - sum_k dy_k y_k)."""
    return elementwise_backward("Softmax", dy, x, _activation_layer("softmax"))


def leaky_relu(x: npt.ArrayLike, negative_slope: float = 0.2) -> Array:
    """X above 0, negative_slope * x elsewhere, for x of any shape (default as `keras.ops`).

    Raises:
        ValueError: the slope is negative or not finite.
    """
    return elementwise(
        "LeakyReLU",
        x,
        _activation_layer("leaky_relu", as_number(negative_slope, "LeakyReLU", "negative_slope")),
    )


def leaky_relu_backward(dy: npt.ArrayLike, x: npt.ArrayLike, negative_slope: float = 0.2) -> Array:
    """Gradient of `leaky_relu`: dy where x > 0, else dy * negative_slope (at 0 as well)."""
    layer = _activation_layer(
        "leaky_relu", as_number(negative_slope, "LeakyReLU", "negative_slope")
    )
    return elementwise_backward("LeakyReLU", dy, x, layer)


def elu(x: npt.ArrayLike, alpha: float = 1.0) -> Array:
    """X above 0, alpha * (exp(x) - 1) elsewhere, for x of any shape.

    Raises:
        ValueError: alpha is negative or not finite.
    """
    return elementwise("ELU", x, _activation_layer("elu", as_number(alpha, "ELU", "alpha")))


def elu_backward(dy: npt.ArrayLike, x: npt.ArrayLike, alpha: float = 1.0) -> Array:
    """Gradient of `elu`: dy where x > 0, else dy * (y + alpha) (at 0 as well)."""
    return elementwise_backward(
        "ELU", dy, x, _activation_layer("elu", as_number(alpha, "ELU", "alpha"))
    )


def gelu(x: npt.ArrayLike, approximate: bool = False) -> Array:
    """X * P(x), P(x) = (1 + erf(x / sqrt(2))) / 2 the normal distribution; any shape.

    The lower tail of P is computed without cancellation: its relative error is below
    (4 + x^2 / 2) * 1.2e-7, that of erf 4e-7 absolute. `approximate`: (1 + tanh(u)) / 2 in place
    of P, with u = sqrt(2 / pi) * (x + 0.044715 * x^3).
    """
    return elementwise("GELU", x, _gelu_layer(approximate))


def gelu_backward(dy: npt.ArrayLike, x: npt.ArrayLike, approximate: bool = False) -> Array:
    """Gradient of `gelu`: dy * (P(x) + x * p(x)), p(x) = exp(-x^2 / 2) / sqrt(2 pi)."""
    layer = _gelu_layer(approximate)
    return elementwise_backward("GELU", dy, x, layer)


def _gelu_layer(approximate: bool) -> AddLayer:
    tanh_form = as_flag(approximate, "GELU", "approximate")
    return _activation_layer("gelu_tanh" if tanh_form else "gelu")


def _activation_layer(kind: str, parameter: float | None = None) -> AddLayer:
    return lambda graph, value: graph.activation(value, kind=kind, parameter=parameter)
