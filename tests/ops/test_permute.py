"""Permute: the table, any order of the axes, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("permute"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("permute"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_any_order(batch, sizes, order):
    dims = list(range(1, len(sizes) + 1))
    order.shuffle(dims)
    assert_exact(cases.moved("permute", (batch, *sizes), dims=tuple(dims)))


def test_height_and_width_swapped():
    x = np.arange(24).reshape(2, 3, 4, 1)
    assert np.array_equal(ops.permute(x, (2, 1, 3)), x.swapaxes(1, 2))


def test_eight_axes():
    x = np.arange(2 * 2**8).reshape(2, *[2] * 8)
    dims = (8, 1, 7, 2, 6, 3, 5, 4)
    assert np.array_equal(ops.permute(x, dims), x.transpose(0, *dims))
    with pytest.raises(ValueError, match=r"^\[Permute\] at most 8 dimensions"):
        ops.permute(x[..., None], (*dims, 9))


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ((1, 2), r"^\[Permute\] dims must be the numbers 1 to 3, each once; got \(1, 2\)"),
        ((0, 1, 2), r"got \(0, 1, 2\); received input shape \(None, 3, 4, 1\)$"),
        ((1, 1, 3), r"^\[Permute\] dims must be"),
        ((1, 2, 3, 4), r"^\[Permute\] dims must be"),
        ("abc", r"^\[Permute\] dims must be a list of integers"),
    ],
)
def test_what_does_not_fit_is_refused(dims, message):
    with pytest.raises(ValueError, match=message):
        ops.permute(np.ones((2, 3, 4, 1)), dims)
    with pytest.raises(ValueError, match=message):
        ops.permute_backward(np.ones(1), np.ones((2, 3, 4, 1)), dims)
