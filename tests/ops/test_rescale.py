"""Rescaling: the table; pixels to numbers from 0 to 1."""

import cases
import numpy as np
import pytest
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("rescale") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("rescale"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_pixels():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    y = ops.rescale(pixels, 1 / 255)
    np.testing.assert_allclose(y, pixels / 255.0, rtol=2e-7)


@pytest.mark.parametrize("numbers", [(np.nan, 0.0), (1.0, np.inf)])
def test_numbers_that_are_not_finite_are_refused(numbers):
    with pytest.raises(ValueError, match=r"^\[Rescaling\] scale and offset must be finite"):
        ops.rescale([1.0], *numbers)
