"""Softmax: the table, the last axis, and numbers far out."""

import cases
import numpy as np
import pytest
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("softmax"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@pytest.mark.parametrize("shape", [(7,), (17, 10), (3, 4, 5), (2, 3, 4, 5), (2, 1, 3, 2, 6)])
def test_rows_of_the_last_axis_sum_to_one(shape):
    x = np.random.default_rng(0).normal(0, 5, shape)
    y = ops.softmax(x)
    assert y.shape == shape
    np.testing.assert_allclose(y.sum(axis=-1), 1.0, rtol=1e-6)


def test_a_shift_by_a_whole_number_changes_nothing():
    x = np.arange(8, dtype=np.float32)
    assert np.array_equal(ops.softmax(x), ops.softmax(x + 4096))


def test_numbers_far_out_do_not_overflow():
    assert ops.softmax([[1e30, 0.0, -1e30]]).tolist() == [[1, 0, 0]]
    assert ops.softmax([[-np.inf, 0.0, 0.0]]).tolist() == [[0, 0.5, 0.5]]


def test_nan_spoils_its_row_alone():
    x = np.zeros((3, 4))
    x[1, 2] = np.nan
    assert np.isnan(ops.softmax(x)).all(axis=1).tolist() == [False, True, False]
    assert np.isnan(ops.softmax(x)).any(axis=1).tolist() == [False, True, False]
