"""Max pooling: the table, windows at random, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("max_pool2d"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("max_pool2d"), ids=str)
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
@given(windows("max_pool2d"))
def test_any_window(case):
    assert_exact(case)


def test_the_first_of_equal_maxima_takes_the_gradient():
    dx = ops.max_pool2d_backward(np.ones((1, 2, 2, 1)), np.zeros((1, 4, 4, 1)))
    assert dx[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0] * 4, [1, 0, 1, 0], [0] * 4]


def test_padding_never_wins():
    x = np.full((17, 2, 2, 3), -np.inf)
    assert np.all(ops.max_pool2d(x, 3, 1, "same") == -np.inf)
    dx = ops.max_pool2d_backward(np.ones((17, 2, 2, 3)), x, 3, 1, "same")
    assert dx[0, :, :, 0].tolist() == [[4, 0], [0, 0]]
    assert np.all(dx == dx[:1, :, :, :1])


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_nan_passes_through(place):
    x = np.arange(4 * 17, dtype=np.float32).reshape(17, 2, 2, 1)
    x[5].flat[place] = np.nan
    y = ops.max_pool2d(x)[:, 0, 0, 0]
    assert np.isnan(y[5])
    assert np.isnan(y).sum() == 1


def test_rows_left_over_are_dropped():
    x = np.arange(6).reshape(1, 3, 2, 1)
    assert ops.max_pool2d(x).tolist() == [[[[3]]]]


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (
            ones(1, 3, 2, 1),
            {"pool_size": 3},
            r"^\[MaxPooling2D\] window 3x3 does not fit input 3x2 with padding 'valid'; "
            r"received input shape \(None, 3, 2, 1\)$",
        ),
        (ones(1, 3, 3), {}, r"^\[MaxPooling2D\] .*rank 4"),
        (ones(0, 3, 3, 1), {}, r"^\[MaxPooling2D\] no data"),
        (ones(1, 3, 3, 1), {"pool_size": 0}, r"^\[MaxPooling2D\] window size .*got 0x0"),
        (ones(1, 3, 3, 1), {"strides": 0}, r"^\[MaxPooling2D\] strides .*got 0x0"),
        (ones(1, 3, 3, 1), {"pool_size": "two"}, r"^\[MaxPooling2D\] pool_size .*got 'two'"),
        (ones(1, 3, 3, 1), {"padding": "full"}, r"^\[MaxPooling2D\] .*got 'full'"),
        (ones(1, 3, 3, 1), {"padding": 1}, r"^\[MaxPooling2D\] padding must be .*got 1$"),
        (  # a window with nothing but padding in it
            ones(1, 3, 3, 1),
            {"padding": ((2, 0), (0, 0))},
            r"^\[MaxPooling2D\] padding \(\(2, 0\), \(0, 0\)\) must be smaller than the window",
        ),
        (ones(1, 3, 3, 1), {"pool_size": 2**40}, r"^\[MaxPooling2D\] pool_size .*2\^31"),
        (ones(1, 3, 3, 1), {"pool_size": 2**31 - 1, "padding": "same"}, r"^\[MaxPooling2D\]"),
    ],
)
def test_what_does_not_fit_is_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        ops.max_pool2d(x, **options)
    with pytest.raises(ValueError, match=message):
        ops.max_pool2d_backward(ones(1), x, **options)
