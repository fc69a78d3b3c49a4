"""Tanh: the table, and the ends of its range."""

import cases
import numpy as np
import pytest
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("tanh"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_ends_of_the_range():
    y = ops.tanh([-np.inf, -1e30, -100.0, 0.0, 100.0, 1e30, np.inf])
    assert y.tolist() == [-1, -1, -1, 0, 1, 1, 1]
    assert ops.tanh_backward(np.ones(3), [-1e30, 0.0, 1e30]).tolist() == [0, 1, 0]


def test_small_numbers_keep_their_digits():
    x = np.array([1e-30, 1e-12, -1e-6, 1e-3], np.float32)
    np.testing.assert_allclose(ops.tanh(x), np.tanh(x.astype(np.float64)), rtol=1e-6)


def test_nan_passes_through():
    assert np.isnan(ops.tanh([0.0, np.nan])).tolist() == [False, True]
