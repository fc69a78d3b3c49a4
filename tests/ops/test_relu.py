"""ReLU: the table, zero, NaN and infinity."""

import cases
import numpy as np
import pytest
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("relu"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("relu"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_the_slope_at_zero_is_zero():
    x = [-1.0, -0.0, 0.0, 1e-40, 1.0]
    assert ops.relu_backward(np.full(5, 7.0), x).tolist()[:3] == [0, 0, 0]
    assert ops.relu_backward([7.0], [1.0]).tolist() == [7]


def test_nan_and_infinity_pass_through():
    x = np.zeros((17, 3), np.float32)
    x[4, 1], x[9, 0], x[9, 2] = np.nan, np.inf, -np.inf
    y = ops.relu(x)
    assert np.isnan(y[4, 1])
    assert np.isnan(y).sum() == 1
    assert y[9].tolist() == [np.inf, 0, 0]


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4, 5, 6)])
def test_arrays_of_any_rank(shape):
    x = np.random.default_rng(0).integers(-3, 4, shape)
    assert np.array_equal(ops.relu(x), np.maximum(x, 0))
    assert np.array_equal(ops.relu_backward(np.full(shape, 2), x), 2 * (x > 0))


def test_empty_data_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"^\[ReLU\] no data; received shape \(0, 3\)"):
        ops.relu(np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"^\[ReLU\] dy has shape \(2, 4\), x has \(2, 3\)"):
        ops.relu_backward(np.zeros((2, 4)), np.zeros((2, 3)))
