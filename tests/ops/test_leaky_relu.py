"""Leaky ReLU: the table, its kink, and slopes that are refused."""

import cases
import numpy as np
import pytest
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("leaky_relu") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("leaky_relu"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_by_hand():
    x = [-np.inf, -4.0, 0.0, 3.0, np.inf]
    assert ops.leaky_relu(x, 0.25).tolist() == [-np.inf, -1.0, 0.0, 3.0, np.inf]
    assert ops.leaky_relu_backward(np.ones(5), x, 0.25).tolist() == [0.25, 0.25, 0.25, 1, 1]


def test_nan_passes_through():
    assert np.isnan(ops.leaky_relu([0.0, np.nan])).tolist() == [False, True]


@pytest.mark.parametrize("slope", [-0.1, np.nan, np.inf])
def test_slopes_out_of_range_are_refused(slope):
    with pytest.raises(ValueError, match=r"^\[LeakyReLU\] negative_slope must be finite"):
        ops.leaky_relu([1.0], slope)
