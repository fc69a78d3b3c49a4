"""Local response normalization: the table, the paper's formula by hand, and bad options."""

import cases
import numpy as np
import pytest
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("local_response_norm"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_by_hand():
    """Alpha multiplies the sum, not its mean; an even window reaches farther down than up."""
    x = np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)
    sums = {1: [1, 4, 9, 16], 2: [1, 5, 13, 25], 3: [5, 14, 29, 25], 4: [5, 14, 30, 29]}
    for n, expected in sums.items():
        y = ops.local_response_norm(x, n=n, k=1.0, alpha=1.0, beta=1.0)
        np.testing.assert_allclose(y, x / (1 + np.array([expected])), rtol=1e-6)


def test_defaults_are_those_of_the_paper():
    x = np.full((1, 1, 1, 7), 50.0, np.float32)
    y = ops.local_response_norm(x)[0, 0, 0]
    for channels, value in zip((3, 4, 5, 5, 5, 4, 3), y, strict=True):
        assert value == pytest.approx(50 / (2 + 1e-4 * channels * 2500) ** 0.75, rel=1e-6)


def test_a_nan_reaches_its_neighbours_alone():
    x = np.zeros((1, 9), np.float32)
    x[0, 4] = np.nan
    assert np.isnan(ops.local_response_norm(x, n=3))[0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be at least 1; got 0"),
        ({"k": 0.0}, "k must be positive"),
        ({"k": -1.0}, "k must be positive"),
        ({"alpha": -1.0}, "alpha must be finite and not negative"),
        ({"beta": np.nan}, "beta must be finite"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=rf"^\[LocalResponseNormalization\] {message}"):
        ops.local_response_norm(np.ones((1, 3)), **options)
