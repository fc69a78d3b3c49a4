"""Concatenation: the table, any lengths, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import _core, ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("concatenate"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("concatenate"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    lengths=st.lists(st.integers(1, 20), min_size=2, max_size=3),
    axis=st.integers(1, 3),
)
def test_any_lengths(batch, shape, lengths, axis):
    axis = min(axis, len(shape))
    assert_exact(cases.concatenate((batch, *shape), tuple(lengths), axis))


def test_the_same_value_twice():
    graph = _core.Graph((2,))
    network = _core.Network(graph, [graph.concat([graph.input, graph.input])], 0)
    x = np.arange(34, dtype=np.float32).reshape(17, 2)
    dy = np.arange(68, dtype=np.float32).reshape(17, 4)
    assert np.array_equal(network.predict([_core.Tensor(x)], 17)[0].numpy(), np.hstack([x, x]))
    (dx,), _ = network.backward([_core.Tensor(x)], [_core.Tensor(dy)])
    assert np.array_equal(dx.numpy(), dy[:, :2] + dy[:, 2:])


@pytest.mark.parametrize(
    ("shapes", "axis", "message"),
    [
        ([(2, 3, 4)], -1, r"^\[Concatenate\] expected at least two inputs$"),
        ([(2, 3, 4), (2, 5, 4)], -1, r"^\[Concatenate\] .*differ in axis 1 alone; got .* and "),
        ([(2, 3, 4), (2, 3)], -1, r"^\[Concatenate\] .*differ"),
        ([(2, 3, 4), (5, 3, 4)], -1, r"^\[Concatenate\] the batches differ: 2 and 5 images$"),
        ([(2, 3), (2, 3)], 0, r"^\[Concatenate\] axis 0 is the batch"),
        ([(2, 3), (2, 3)], -2, r"^\[Concatenate\] axis 0 is the batch"),
        ([(2, 3), (2, 3)], 2, r"^\[Concatenate\] axis 1 does not exist in \(None, 3\)$"),
        ([(2, 3), (2, 3)], -3, r"^\[Concatenate\] axis -3 does not exist"),
        ([(2, 3, 4, 5, 6)] * 2, 2, r"^\[Concatenate\] axis 1 is not supported"),
        ([(0, 3), (0, 3)], -1, r"^\[Concatenate\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, axis, message):
    xs = [np.ones(shape) for shape in shapes]
    with pytest.raises(ValueError, match=message):
        ops.concatenate(xs, axis)
    with pytest.raises(ValueError, match=message):
        ops.concatenate_backward(np.ones(1), xs, axis)
