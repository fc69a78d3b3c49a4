"""GELU, exact and by tanh: the table, its stated error, and the ends of its range."""

import cases
import numpy as np
import pytest
import reference
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("gelu"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_the_distribution_has_the_stated_error():
    """Both tails, by y / x; erf is 2 P - 1."""
    x = np.linspace(-12.5, 12.5, 20001, dtype=np.float32)
    x = x[x != 0]
    exact = x.astype(np.float64)
    p, wanted = ops.gelu(x) / exact, reference.normal_distribution(x)
    lower = exact < 0
    relative = np.abs(p / wanted - 1)
    assert (relative[lower] < ((4 + exact**2 / 2) * 1.2e-7)[lower]).all()
    assert np.abs(2 * (p - wanted)).max() < 4e-7


@pytest.mark.parametrize("approximate", [False, True])
def test_ends_of_the_range(approximate):
    x = [-np.inf, -1e30, -20.0, 0.0, 20.0, 1e30, np.inf]
    y = ops.gelu(x, approximate)
    assert y.tolist() == pytest.approx([0, 0, 0, 0, 20, np.float32(1e30), np.inf], abs=1e-30)
    slopes = ops.gelu_backward(np.ones(7), x, approximate)
    assert slopes.tolist() == pytest.approx([0, 0, 0, 0.5, 1, 1, 1], rel=1e-6, abs=1e-30)


def test_approximate_is_another_function():
    x = np.linspace(-3, 3, 61, dtype=np.float32)
    difference = np.abs(ops.gelu(x) - ops.gelu(x, approximate=True)).max()
    assert 1e-4 < difference < 1e-3


def test_nan_passes_through():
    assert np.isnan(ops.gelu([0.0, np.nan])).tolist() == [False, True]
    assert np.isnan(ops.gelu([0.0, np.nan], approximate=True)).tolist() == [False, True]
