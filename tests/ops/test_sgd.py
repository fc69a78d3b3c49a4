"""SGD: the table, steps in a row, and options that make no sense."""

import cases
import numpy as np
import pytest
import reference
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("sgd") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("sgd"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@pytest.mark.parametrize("nesterov", [False, True])
def test_ten_steps_in_a_row(nesterov):
    rng = np.random.default_rng(0)
    ours = theirs = (rng.normal(size=(5, 4)), np.zeros((5, 4)))
    for _ in range(10):
        gradient = rng.normal(size=(5, 4)).astype(np.float32)
        options = (0.1, 0.9, nesterov, 0.01)
        ours = ops.sgd(ours[0], gradient, ours[1], *options)
        theirs = reference.sgd(theirs[0], gradient, theirs[1], *options)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-6)


def test_what_is_given_stays_as_it_was():
    w, g, v = (np.full((3,), n, np.float32) for n in (1, 2, 3))
    ops.sgd(w, g, v, 0.1, 0.9)
    assert [w[0], g[0], v[0]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1.0}, r"^\[SGD\] momentum"),
        ({"momentum": -0.1}, r"^\[SGD\] momentum"),
        ({"momentum": np.nan}, r"^\[SGD\] momentum"),
        ({"nesterov": True}, r"^\[SGD\] nesterov"),
        ({"weight_decay": -1.0}, r"^\[SGD\] weight_decay"),
        ({"weight_decay": np.inf}, r"^\[SGD\] weight_decay"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ops.sgd([1.0], [1.0], **options)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        ops.sgd(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"\(4,\)"):
        ops.sgd(np.zeros(2), np.zeros(2), np.zeros(4))
