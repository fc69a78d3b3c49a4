"""Convolutions and dense layers of sizes for which a GPU takes other tiles than for small ones."""

import cases
import pytest
from parity import assert_close, assert_exact

pytestmark = [pytest.mark.cuda, pytest.mark.usefixtures("gpu")]

# A large tile is taken where there is one for each of 132 multiprocessors.
CASES = [
    cases.dense(132 * 128, 5, 128),  # tiles of 128 x 128
    cases.dense(132 * 64, 6, 64),  # of 64 x 64
    cases.dense(3, 9000, 5),  # sums in many parts
    cases.dense(40, 4100, 33),  # in a few
    cases.conv(2, (92, 93), (4, 128), (1, 2)),  # tiles of 128 x 128
    cases.conv(2, (66, 66), (5, 64), (3, 3), padding="same"),  # of 64 x 64
    cases.conv(2, (66, 66), (64, 3), (3, 3), 2, "same"),
    cases.conv(1, (3, 3), (600, 40), (3, 3), padding="same"),  # sums in parts
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)
