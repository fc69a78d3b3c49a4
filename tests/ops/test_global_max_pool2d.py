"""Global max pooling: the table, sizes at random, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("global_max_pool2d"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("global_max_pool2d"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 50)),
    keepdims=st.booleans(),
)
def test_any_size(batch, shape, keepdims):
    assert_close(cases.global_pool("global_max_pool2d", batch, shape, keepdims))


def test_the_first_of_equal_maxima_takes_the_gradient():
    dx = ops.global_max_pool2d_backward([[1.0, 2.0]], [[[[0, 1], [0, 3]], [[0, 3], [0, 3]]]])
    assert dx[0, :, :, 0].tolist() == [[1, 0], [0, 0]]
    assert dx[0, :, :, 1].tolist() == [[0, 2], [0, 0]]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_nan_passes_through(place):
    x = np.arange(4 * 17, dtype=np.float32).reshape(17, 2, 2, 1)
    x[5].flat[place] = np.nan
    y = ops.global_max_pool2d(x)[:, 0]
    assert np.isnan(y[5])
    assert np.isnan(y).sum() == 1
    dx = ops.global_max_pool2d_backward(np.ones((17, 1)), x)
    assert dx[5].ravel().tolist() == [float(i == place) for i in range(4)]


def test_minus_infinity_is_a_maximum_too():
    x = np.full((3, 2, 2, 5), -np.inf)
    assert np.all(ops.global_max_pool2d(x) == -np.inf)
    assert ops.global_max_pool2d_backward(np.ones((3, 5)), x).sum() == 15


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 3), r"^\[GlobalMaxPooling2D\] .*rank 4 .*received input shape \(None, 3, 3\)$"),
        ((0, 3, 3, 1), r"^\[GlobalMaxPooling2D\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        ops.global_max_pool2d(np.ones(shape))
    with pytest.raises(ValueError, match=message):
        ops.global_max_pool2d_backward(np.ones(1), np.ones(shape))
