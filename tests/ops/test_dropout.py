"""Dropout: the table (mask for mask the reference's Philox), its share, and bad rates."""

import cases
import numpy as np
import pytest
import reference
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("dropout") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("dropout"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def test_the_reference_has_the_known_answers_of_philox():
    """The first and last of Random123's vectors for philox4x32-10."""
    zeros = reference.philox4x32((0, 0, 0, 0), (0, 0))
    assert [hex(word) for word in zeros] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    counter = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    words = reference.philox4x32(counter, (0xA4093822, 0x299F31D0))
    assert [hex(word) for word in words] == ["0xd16cfe09", "0x94fdcceb", "0x5001e420", "0x24126ea1"]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_share_is_the_rate_and_the_mean_stays(rate):
    y = ops.dropout(np.ones((100, 1000)), rate, seed=5)
    share = (y == 0).mean()
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / y.size)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - np.float64(np.float32(rate))))}


def test_the_mask_follows_the_seed_and_no_image_repeats_another():
    x = np.ones((40, 64), np.float32)
    first = ops.dropout(x, 0.5, seed=1)
    np.testing.assert_array_equal(first, ops.dropout(x, 0.5, seed=1))
    assert (first != ops.dropout(x, 0.5, seed=2)).any()
    assert len({row.tobytes() for row in first}) == 40


def test_what_is_dropped_is_gone_even_if_it_was_not_finite():
    x = np.full((8, 8), np.inf, np.float32)
    y = ops.dropout(x, 0.5)
    assert sorted(set(y.ravel().tolist())) == [0.0, np.inf]


@pytest.mark.parametrize("rate", [1.0, -0.1, 1.5, np.nan])
def test_rates_out_of_range_are_refused(rate):
    with pytest.raises(ValueError, match=r"^\[Dropout\] rate must be at least 0 and below 1"):
        ops.dropout([[1.0]], rate)
