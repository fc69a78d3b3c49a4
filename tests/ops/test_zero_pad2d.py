"""Zero padding: the table, any border, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("zero_pad2d"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("zero_pad2d"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 19)),
    padding=st.tuples(*[st.tuples(st.integers(0, 4), st.integers(0, 4))] * 2),
)
def test_any_border(batch, shape, padding):
    assert_exact(cases.zero_pad(batch, shape, padding))


def test_sides_by_hand():
    y = ops.zero_pad2d(np.ones((1, 1, 1, 1)), ((1, 0), (0, 2)))
    assert y[0, :, :, 0].tolist() == [[0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("shape", "padding", "message"),
    [
        ((2, 3, 3), 1, r"^\[ZeroPadding2D\] .*rank 4"),
        ((1, 3, 3, 1), -1, r"^\[ZeroPadding2D\] padding must not be negative; got \(\(-1, -1\)"),
        ((1, 3, 3, 1), ((0, 0), (0, -2)), r"^\[ZeroPadding2D\] padding must not be negative"),
        ((1, 3, 3, 1), (1, 2, 3), r"^\[ZeroPadding2D\] padding must be .*got \(1, 2, 3\)$"),
        ((1, 3, 3, 1), "same", r"^\[ZeroPadding2D\] padding must be .*got 'same'$"),
        ((1, 3, 3, 1), 2**31, r"^\[ZeroPadding2D\] padding must be"),
        ((1, 3, 3, 1), 2**31 - 1, r"^\[ZeroPadding2D\] more than 2\^31 elements"),
        ((0, 3, 3, 1), 1, r"^\[ZeroPadding2D\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(shape, padding, message):
    with pytest.raises(ValueError, match=message):
        ops.zero_pad2d(np.ones(shape), padding)
    with pytest.raises(ValueError, match=message):
        ops.zero_pad2d_backward(np.ones(1), np.ones(shape), padding)
