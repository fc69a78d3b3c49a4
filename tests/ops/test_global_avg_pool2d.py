"""Global average pooling: the table, sizes at random, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("global_avg_pool2d") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("global_avg_pool2d"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 50)),
    keepdims=st.booleans(),
)
def test_any_size(batch, shape, keepdims):
    assert_close(cases.global_pool("global_avg_pool2d", batch, shape, keepdims))


def test_a_mean_by_hand():
    x = np.arange(8).reshape(1, 2, 2, 2)
    assert ops.global_avg_pool2d(x).tolist() == [[3.0, 4.0]]
    assert ops.global_avg_pool2d(x, keepdims=True).tolist() == [[[[3.0, 4.0]]]]
    assert ops.global_avg_pool2d_backward([[4.0, 8.0]], x)[0, 1, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 3), r"^\[GlobalAveragePooling2D\] .*rank 4 .*received input shape \(None, 3, 3\)$"),
        ((0, 3, 3, 1), r"^\[GlobalAveragePooling2D\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        ops.global_avg_pool2d(np.ones(shape))
    with pytest.raises(ValueError, match=message):
        ops.global_avg_pool2d_backward(np.ones(1), np.ones(shape))
