"""Reshape: the table, any shape, and what does not fit."""

import cases
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import _core, ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("reshape"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("reshape"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    factors=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
    open_axis=st.booleans(),
)
def test_any_shape(batch, factors, order, open_axis):
    shape = list(factors)
    order.shuffle(shape)
    if open_axis:
        shape[order.randrange(len(shape))] = -1
    assert_exact(cases.moved("reshape", (batch, *factors), shape=tuple(shape)))


def test_between_convolutions_the_border_of_zeros_does_not_leak():
    """Buffers of convolutions have a border of zeros, so that such a reshape is a copy."""
    rng = np.random.default_rng(0)
    draw = cases.integers_from(rng)
    x, first, second = draw((17, 4, 6, 2)), draw((3, 3, 2, 3)), draw((3, 3, 6, 2))
    dy = draw((17, 3, 4, 2))
    graph = _core.Graph((4, 6, 2))
    options = {"kernel_size": (3, 3), "padding": "same", "use_bias": False}
    a = graph.conv2d(graph.input, filters=3, **options)
    b = graph.conv2d(a, filters=3, **options)  # reads `a` too: it has a border
    c = graph.conv2d(graph.reshape(a, shape=(3, 4, -1)), filters=2, **options)
    network = _core.Network(graph, [b, c], 0)
    for index, value in enumerate((first, draw((3, 3, 3, 3)), second)):
        network.set_parameter(index, _core.Tensor(value))
    zeros = np.zeros((17, 4, 6, 3), np.float32)
    got = network.predict([_core.Tensor(x)], 17)[1].numpy()
    dx, _ = network.backward([_core.Tensor(x)], [_core.Tensor(zeros), _core.Tensor(dy)])
    middle = reference.conv2d(x, first, padding="same")
    seen = middle.reshape(17, 3, 4, 6)
    np.testing.assert_array_equal(got, reference.conv2d(seen, second, padding="same"))
    dmiddle = reference.conv2d_backward(dy, seen, second, padding="same")[0].reshape(middle.shape)
    want = reference.conv2d_backward(dmiddle, x, first, padding="same")[0]
    np.testing.assert_array_equal(dx[0].numpy(), want)


@pytest.mark.parametrize(
    ("shape", "target", "message"),
    [
        ((2, 3, 4), (5, -1), r"^\[Reshape\] target shape \(5, -1\) does not fit 12 elements"),
        ((2, 3, 4), (13,), r"\(13,\) does not fit 12 .*received input shape \(None, 3, 4\)$"),
        ((2, 3, 4), (), r"^\[Reshape\] target shape \(\) does not fit"),
        ((2, 3, 4), (-1, -1), r"^\[Reshape\] target shape must be positive but for one -1"),
        ((2, 3, 4), (0, 12), r"^\[Reshape\] target shape must be positive"),
        ((2, 3, 4), (-2, 6), r"^\[Reshape\] target shape must be positive"),
        ((2, 3, 4), ("a", 6), r"^\[Reshape\] shape must be a list of integers"),
        ((2, 3, 4), 12, r"^\[Reshape\] shape must be a list of integers"),
        ((0, 3, 4), (12,), r"^\[Reshape\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(shape, target, message):
    with pytest.raises(ValueError, match=message):
        ops.reshape(np.ones(shape), target)
    with pytest.raises(ValueError, match=message):
        ops.reshape_backward(np.ones(1), np.ones(shape), target)
