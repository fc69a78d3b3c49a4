"""ELU: the table, the ends of its range, and small numbers."""

import cases
import numpy as np
import pytest
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("elu"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_ends_of_the_range():
    x = [-np.inf, -1e30, -200.0, 0.0, 200.0, 1e30, np.inf]
    assert ops.elu(x, 2.0).tolist() == [-2, -2, -2, 0, 200, np.float32(1e30), np.inf]
    assert ops.elu_backward(np.ones(7), x, 2.0).tolist() == [0, 0, 0, 2, 1, 1, 1]


def test_small_numbers_keep_their_digits():
    x = -np.logspace(-30, 0.5, 400, dtype=np.float32)
    np.testing.assert_allclose(ops.elu(x), np.expm1(x.astype(np.float64)), rtol=4e-7)


def test_nan_passes_through():
    assert np.isnan(ops.elu([0.0, np.nan])).tolist() == [False, True]


@pytest.mark.parametrize("alpha", [-1.0, np.nan])
def test_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(ValueError, match=r"^\[ELU\] alpha must be finite"):
        ops.elu([1.0], alpha)
