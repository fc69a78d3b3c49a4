"""RMSprop: the table, steps in a row, a variance that rounding makes negative, bad options."""

import cases
import numpy as np
import pytest
import reference
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("rmsprop"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_many_steps_in_a_row(centered, momentum):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 7))
    ours = theirs = (start, None)
    scale = 10.0 ** rng.uniform(-2, 1, start.shape)
    options = {"centered": centered, "momentum": momentum, "weight_decay": 0.01}
    for _ in range(300):
        gradient = (rng.normal(size=(5, 7)) * scale).astype(np.float32)
        ours = ops.rmsprop(ours[0], gradient, ours[1], **options)
        theirs = reference.rmsprop(theirs[0], gradient, theirs[1], **options)
    assert np.abs(ours[0] - start).max() > 0.01
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4, atol=1e-5)


def test_a_gradient_that_stays_has_no_variance_and_no_nan():
    """Centered, v - a^2 is zero but for rounding, far larger here than epsilon."""
    w, state = np.zeros(16), None
    for _ in range(200):
        w, state = ops.rmsprop(w, np.linspace(90, 110, 16), state, centered=True)
        assert np.isfinite(w).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 1.0}, r"^\[RMSprop\] rho"),
        ({"rho": -0.1}, r"^\[RMSprop\] rho"),
        ({"momentum": 1.0}, r"^\[RMSprop\] momentum"),
        ({"epsilon": 0.0}, r"^\[RMSprop\] epsilon"),
        ({"weight_decay": -1.0}, r"^\[RMSprop\] weight_decay"),
        ({"state": np.zeros((2, 1))}, "1 arrays; got 2"),
        ({"state": np.zeros((1, 1)), "centered": True}, "2 arrays; got 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ops.rmsprop([1.0], [1.0], **options)
