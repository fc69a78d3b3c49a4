"""Flatten: the table; row-major order."""

import cases
import numpy as np
import pytest
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("flatten"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("flatten"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_order_is_row_major():
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert np.array_equal(ops.flatten(x), x.reshape(2, 60))
    assert np.array_equal(ops.flatten_backward(x.reshape(2, 60), np.zeros(x.shape)), x)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"^\[Flatten\] expected a batch"):
        ops.flatten(np.zeros(3))
    with pytest.raises(ValueError, match=r"\(2, 13\)"):
        ops.flatten_backward(np.zeros((2, 13)), np.zeros((2, 3, 4)))
