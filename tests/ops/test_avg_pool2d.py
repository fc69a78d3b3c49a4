"""Average pooling: the table, windows at random, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("avg_pool2d") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("avg_pool2d"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@st.composite
def windows(draw, op):
    """Any window that fits, on images up to 9x9."""
    padding = draw(st.sampled_from(["valid", "same", "explicit"]))
    size, pool_size, pads = [], [], []
    for _ in range(2):
        n = draw(st.integers(1, 9))
        k = draw(st.integers(1, n if padding == "valid" else 6))
        before, after = draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))
        size.append(n)
        pool_size.append(k)
        pads.append((before, max(after, k - n - before)))  # explicit: enough to fit
    strides = draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    shape = (*size, draw(st.integers(1, 19)))
    rule = tuple(pads) if padding == "explicit" else padding
    return cases.pool(op, draw(st.integers(1, 35)), shape, tuple(pool_size), strides, rule)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(windows("avg_pool2d"))
def test_any_window(case):
    assert_close(case)


def test_padding_is_not_counted():
    y = ops.avg_pool2d(np.ones((1, 3, 3, 1)), 3, 1, "same")
    assert np.array_equal(y, np.ones((1, 3, 3, 1), np.float32))
    dx = ops.avg_pool2d_backward(np.full((1, 2, 2, 1), 8.0), np.zeros((1, 3, 3, 1)), 2, 2, "same")
    assert dx[0, :, :, 0].tolist() == [[2, 2, 4], [2, 2, 4], [4, 4, 8]]


def test_rows_left_over_are_dropped():
    x = np.arange(6).reshape(1, 3, 2, 1)
    assert ops.avg_pool2d(x).tolist() == [[[[1.5]]]]


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (
            ones(1, 3, 2, 1),
            {"pool_size": 3},
            r"^\[AveragePooling2D\] window 3x3 does not fit input 3x2 with padding 'valid'; "
            r"received input shape \(None, 3, 2, 1\)$",
        ),
        (ones(1, 3, 3), {}, r"^\[AveragePooling2D\] .*rank 4"),
        (ones(0, 3, 3, 1), {}, r"^\[AveragePooling2D\] no data"),
        (ones(1, 3, 3, 1), {"pool_size": 0}, r"^\[AveragePooling2D\] window size .*got 0x0"),
        (ones(1, 3, 3, 1), {"strides": 0}, r"^\[AveragePooling2D\] strides .*got 0x0"),
        (ones(1, 3, 3, 1), {"pool_size": "two"}, r"^\[AveragePooling2D\] pool_size .*got 'two'"),
        (ones(1, 3, 3, 1), {"padding": "full"}, r"^\[AveragePooling2D\] .*got 'full'"),
        (ones(1, 3, 3, 1), {"padding": 1}, r"^\[AveragePooling2D\] padding must be .*got 1$"),
        (  # a window with nothing but padding in it
            ones(1, 3, 3, 1),
            {"padding": ((2, 0), (0, 0))},
            r"^\[AveragePooling2D\] padding \(\(2, 0\), \(0, 0\)\) must be smaller than the window",
        ),
        (ones(1, 3, 3, 1), {"pool_size": 2**40}, r"^\[AveragePooling2D\] pool_size .*2\^31"),
        (ones(1, 3, 3, 1), {"pool_size": 2**31 - 1, "padding": "same"}, r"^\[AveragePooling2D\]"),
    ],
)
def test_what_does_not_fit_is_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        ops.avg_pool2d(x, **options)
    with pytest.raises(ValueError, match=message):
        ops.avg_pool2d_backward(ones(1), x, **options)
