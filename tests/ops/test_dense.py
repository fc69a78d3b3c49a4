"""Dense: the table, sizes at random, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("dense"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("dense"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.integers(1, 70), st.integers(1, 150), st.integers(1, 150), st.booleans())
def test_any_size(batch, features, units, use_bias):
    assert_exact(cases.dense(batch, features, units, use_bias))


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (ones(2, 3), ones(4, 5)),
            r"^\[Dense\] kernel \(4, 5\) expects 4 features; received input shape \(None, 3\)$",
        ),
        ((ones(2, 3), ones(3)), r"^\[Dense\] kernel must be \(in, out\); received shape \(3,\)$"),
        ((ones(2, 3, 3, 1), ones(9, 5)), r"^\[Dense\] .*flat.*Flatten.*\(None, 3, 3, 1\)"),
        ((ones(3), ones(3, 5)), r"^\[Dense\] expected a batch"),
        ((ones(0, 3), ones(3, 5)), r"^\[Dense\] no data"),
        ((ones(2, 3), ones(3, 0)), r"^\[Dense\] units must be positive; got 0"),
        ((ones(2, 3), ones(3, 5), ones(4)), r"\(5,\).*\(4,\)|\(4,\).*\(5,\)"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.dense(*arguments)
    if len(arguments) == 2:
        with pytest.raises(ValueError, match=message):
            ops.dense_backward(ones(1, 1), *arguments)


@pytest.mark.parametrize("shape", [(2, 4), (3, 5), (10,)])
def test_a_gradient_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=", ".join(map(str, shape))):
        ops.dense_backward(ones(*shape), ones(2, 3), ones(3, 5))
