"""Sigmoid: the table, and the ends of its range."""

import cases
import numpy as np
import pytest
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("sigmoid"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_ends_of_the_range():
    y = ops.sigmoid([-np.inf, -1e30, -100.0, 0.0, 100.0, 1e30, np.inf])
    assert y.tolist() == pytest.approx([0, 0, 0, 0.5, 1, 1, 1], abs=1e-37)
    assert ops.sigmoid([0.0]).item() == 0.5
    assert np.isfinite(ops.sigmoid_backward(np.ones(3), [-1e30, 0.0, 1e30])).all()


def test_nan_passes_through():
    assert np.isnan(ops.sigmoid([0.0, np.nan])).tolist() == [False, True]
