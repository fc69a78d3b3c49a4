"""Central differences in float64: the slope of a function, known only by its values.

With step h the error is of order h^2 (truncation) + eps / h (rounding), about 1e-10 at h = 1e-5 for
values near one: far below any true mistake in a backward pass, which is of order one.
"""

from collections.abc import Callable

import numpy as np

STEP = 1e-5
TOLERANCE = 1e-6  # of the largest slope met; leaves two decades for values that are not near one


def directional_derivative(
    function: Callable[[np.ndarray], float], x: np.ndarray, direction: np.ndarray
) -> float:
    """(f(x + h d) - f(x - h d)) / 2h for a direction d of the shape of x."""
    return (function(x + STEP * direction) - function(x - STEP * direction)) / (2 * STEP)


def numerical_gradient(function: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The derivative of `function` by each element of x, one element at a time."""
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        direction = np.zeros(x.shape)
        direction[index] = 1.0
        gradient[index] = directional_derivative(function, x, direction)
    return gradient


def assert_gradient(
    function: Callable[[np.ndarray], float],
    x: np.ndarray,
    gradient: np.ndarray,
    rng: np.random.Generator,
    full_below: int = 64,
) -> None:
    """Fail unless `gradient` is the slope of `function` at x.

    Small arrays are checked element by element, larger ones along three random directions, where
    one wrong element shows just as well, only not by its place.
    """
    x = np.asarray(x, dtype=np.float64)
    assert gradient.shape == x.shape
    if x.size <= full_below:
        expected = numerical_gradient(function, x)
        scale = max(float(np.abs(expected).max()), 1e-3)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=TOLERANCE * scale)
        return
    for _ in range(3):
        direction = rng.choice([-1.0, 1.0], size=x.shape)
        expected = directional_derivative(function, x, direction)
        scale = max(float(np.abs(gradient).sum()), 1e-3)
        assert abs(float((gradient * direction).sum()) - expected) <= TOLERANCE * scale
