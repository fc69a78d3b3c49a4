"""Adam and AdamW: the table, steps in a row, the worth of the corrections, bad options."""

import cases
import numpy as np
import pytest
import reference
from parity import assert_close

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("adam"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.004])
def test_many_steps_in_a_row(amsgrad, weight_decay):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 7))
    ours = theirs = (start, None)
    scale = 10.0 ** rng.uniform(-3, 1, start.shape)  # each number's gradients have their own size
    for step in range(1, 301):
        gradient = (rng.normal(size=(5, 7)) * scale).astype(np.float32)
        options = {"learning_rate": 0.01, "amsgrad": amsgrad, "weight_decay": weight_decay}
        ours = ops.adam(ours[0], gradient, ours[1], step, **options)
        theirs = reference.adam(theirs[0], gradient, theirs[1], step, **options)
    assert np.abs(ours[0] - start).max() > 0.05
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    np.testing.assert_allclose(ours[1][1:], theirs[1][1:], rtol=1e-4)


def test_the_first_step_is_the_rate_whatever_the_gradient():
    """m and sqrt(v) are corrected to the gradient itself and its magnitude."""
    gradient = np.array([1e-3, -0.5, 20.0, 1e6])
    w, _ = ops.adam(np.ones(4), gradient, learning_rate=0.25, epsilon=1e-12)
    np.testing.assert_allclose(w, [0.75, 1.25, 0.75, 0.75], rtol=1e-6)


def test_amsgrad_remembers_the_largest_square():
    _, state = ops.adam([1.0], [0.0], [[0.0], [4.0], [9.0]], 3, amsgrad=True)
    assert state[:, 0].tolist() == [0.0, pytest.approx(4 * 0.999), 9.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta_1": 1.0}, r"^\[Adam\] beta_1 .*got 1"),
        ({"beta_1": -0.5}, r"^\[Adam\] beta_1 .*got -0.5"),
        ({"beta_2": 1.5}, r"^\[Adam\] beta_2"),
        ({"beta_2": np.nan}, r"^\[Adam\] beta_2"),
        ({"epsilon": 0.0}, r"^\[Adam\] epsilon"),
        ({"epsilon": np.inf}, r"^\[Adam\] epsilon"),
        ({"weight_decay": -1.0}, r"^\[Adam\] weight_decay"),
        ({"step": 0}, r"^\[optimizer\] steps count from 1"),
        ({"state": np.zeros((3, 1))}, "2 arrays; got 3"),
        ({"state": np.zeros((2, 2))}, r"\(2,\)"),
        ({"state": np.zeros((2, 1)), "amsgrad": True}, "3 arrays; got 2"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ops.adam([1.0], [1.0], **options)
