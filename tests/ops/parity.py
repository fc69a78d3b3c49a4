"""Core against reference: the two comparisons that every op's tests make."""

from functools import lru_cache

import bounds
import cases
import numpy as np
import reference

from pycnn import ops


@lru_cache(maxsize=512)
def expected(case: cases.Case, integers: bool):
    """Inputs, forward and backward of a row by the reference; once for all instruction sets."""
    arrays = case.arrays(integers)
    for array in arrays.values():
        array.flags.writeable = False  # neither side may write into what it is given
    forward = _results(case.forward(arrays, reference))
    has_backward = cases.OPS[case.op].backward_inputs is not None
    return arrays, forward, _results(case.backward(arrays, reference)) if has_backward else None


def assert_exact(case: cases.Case) -> None:
    """On small integers every sum is a float32: forward and backward are equal, bit for bit."""
    arrays, forward, backward = expected(case, True)
    _equal(case.forward(arrays, ops), forward, f"{case} forward")
    if backward is not None:
        _equal(case.backward(arrays, ops), backward, f"{case} backward")


def assert_close(case: cases.Case) -> None:
    """On other numbers the difference stays within the bound of bounds.py."""
    arrays, forward, backward = expected(case, False)
    limits = bounds.FORWARD[case.op](arrays, **case.options)
    _within(case.forward(arrays, ops), forward, limits, f"{case} forward")
    if backward is not None:
        limits = bounds.BACKWARD[case.op](arrays, **case.options)
        _within(case.backward(arrays, ops), backward, limits, f"{case} backward")


def _results(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _checked(actual, wanted, what: str):
    """Pairs of (core's, reference's) after types and shapes have been compared."""
    for number, (got, want) in enumerate(zip(_results(actual), wanted, strict=True)):
        label = f"{what}, result {number}"
        if isinstance(want, float):
            assert isinstance(got, float), label
        else:
            assert got.dtype == np.float32, label
            assert got.shape == want.shape, label
        yield label, got, want


def _equal(actual, wanted, what: str) -> None:
    for label, got, want in _checked(actual, wanted, what):
        np.testing.assert_array_equal(got, want, err_msg=label)


def _within(actual, wanted, limits, what: str) -> None:
    for (label, got, want), (terms, magnitude) in zip(
        _checked(actual, wanted, what), limits, strict=True
    ):
        limit = bounds.allowed(terms, np.asarray(magnitude, dtype=np.float64))
        wrong = np.abs(np.asarray(got, dtype=np.float64) - want) / np.maximum(limit, 1e-300)
        worst = np.unravel_index(np.argmax(wrong), wrong.shape)
        assert wrong[worst] <= 1.0, (
            f"{label}: at {tuple(map(int, worst))} core gives {np.asarray(got)[worst]}, reference "
            f"{np.asarray(want)[worst]}: {wrong[worst]:.3g} times the bound; "
            f"{int((wrong > 1).sum())} of {wrong.size} are outside"
        )
