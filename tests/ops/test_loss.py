"""The losses: the table, labels of either kind, clipped and extreme numbers, and bad labels."""

import cases
import numpy as np
import pytest
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")

LOSSES = ("softmax_cross_entropy", "cross_entropy", "mean_squared_error")
CLASSIFICATION = LOSSES[:2]


@pytest.mark.parametrize("case", [c for c in cases.rows("mean_squared_error") if c.exact], ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", [c for op in LOSSES for c in cases.rows(op)], ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_labels_and_their_one_hot_rows_give_the_same_bits(name):
    rng = np.random.default_rng(1)
    p, labels = ops.softmax(rng.normal(size=(37, 10))), rng.integers(0, 10, 37)
    rows = np.eye(10)[labels]
    assert getattr(ops, name)(p, labels) == getattr(ops, name)(p, rows)
    backward = getattr(ops, f"{name}_backward")
    assert np.array_equal(backward(p, labels), backward(p, rows))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, ">i4", bool])
def test_labels_of_any_integer_type(dtype):
    logits = [[0.5, 2.0], [1.0, 0.0], [3.0, 3.0]]
    labels = np.array([1, 0, 1])
    expected = ops.softmax_cross_entropy(logits, labels)
    if dtype is bool:  # truth values are no class numbers
        with pytest.raises(ValueError, match=r"\(3,\)"):
            ops.softmax_cross_entropy(logits, labels.astype(bool))
        return
    assert ops.softmax_cross_entropy(logits, labels.astype(dtype)) == expected


def test_undecided_logits_cost_log_of_the_number_of_classes():
    loss = ops.softmax_cross_entropy(np.zeros((64, 10)), np.arange(64) % 10)
    assert loss == pytest.approx(np.log(10), rel=1e-6)


def test_logits_far_out_stay_finite():
    logits = np.array([[1e30, -1e30], [-1e30, 1e30]])
    assert ops.softmax_cross_entropy(logits, [0, 1]) == 0.0
    gradient = ops.softmax_cross_entropy_backward(logits, [1, 0])
    assert gradient.tolist() == [[0.5, -0.5], [-0.5, 0.5]]


def test_clipped_probabilities_have_a_finite_loss_and_no_gradient():
    p = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert ops.cross_entropy(p, [1, 0]) == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert ops.cross_entropy(p, [0, 1]) == pytest.approx(0.0, abs=1e-6)
    assert not ops.cross_entropy_backward(p, [1, 0]).any()


def test_cross_entropy_of_softmax_is_softmax_cross_entropy():
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(size=(20, 7)), rng.integers(0, 7, 20)
    apart = ops.cross_entropy(ops.softmax(logits), labels)
    assert apart == pytest.approx(ops.softmax_cross_entropy(logits, labels), rel=1e-6)
    chained = ops.softmax_backward(ops.cross_entropy_backward(ops.softmax(logits), labels), logits)
    np.testing.assert_allclose(
        chained, ops.softmax_cross_entropy_backward(logits, labels), atol=1e-7
    )


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize(
    ("predictions", "labels", "message"),
    [
        (np.zeros((2, 3)), [0, 3], "3"),
        (np.zeros((2, 3)), [0, -1], "-1"),
        (np.zeros((2, 3)), [0, 1, 2], r"2|3"),
        (np.zeros((2, 3)), [0.0, 1.0], r"\(2,\)"),
        (np.zeros((2, 3)), np.zeros((2, 4)), r"\(2, 4\)"),
        (np.zeros((2, 3)), np.zeros((3, 3)), r"\(3, 3\)"),
        (np.zeros((0, 3)), np.zeros(0, int), r"empty|no data|0"),
        (np.zeros(3), [0, 1, 2], r"\(3,\)"),
    ],
)
def test_bad_labels_are_refused(name, predictions, labels, message):
    for function in (getattr(ops, name), getattr(ops, f"{name}_backward")):
        with pytest.raises(ValueError, match=message):
            function(predictions, labels)


def test_mean_squared_error_needs_one_shape():
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        ops.mean_squared_error(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError):
        ops.mean_squared_error(np.zeros((0, 3)), np.zeros((0, 3)))
