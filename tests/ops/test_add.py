"""Add: the table, values that are read twice, and what does not fit."""

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import _core, ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("add"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("add"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(batch=st.integers(1, 35), shape=st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_any_shape(batch, shape):
    assert_exact(cases.add((batch, *shape)))


def test_a_value_added_to_itself_gets_twice_the_gradient():
    graph = _core.Graph((3,))
    double = graph.add([graph.input, graph.input])
    network = _core.Network(graph, [graph.add([double, graph.input, double])], 0)
    x = np.arange(51, dtype=np.float32).reshape(17, 3)
    assert np.array_equal(network.predict([_core.Tensor(x)], 17)[0].numpy(), 5 * x)
    (dx,), _ = network.backward([_core.Tensor(x)], [_core.Tensor(x)])
    assert np.array_equal(dx.numpy(), 5 * x)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((2, 3), (2, 4), r"^\[Add\] .*one shape; got \(None, 3\) and \(None, 4\)$"),
        ((2, 3), (2, 3, 1), r"^\[Add\] .*one shape"),
        ((2, 3), (4, 3), r"^\[Add\] the batches differ: 2 and 4 images$"),
        ((2, 3), (2,), r"^\[Add\] expected a batch"),
        ((0, 3), (0, 3), r"^\[Add\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        ops.add(np.ones(a), np.ones(b))
    with pytest.raises(ValueError, match=message):
        ops.add_backward(np.ones(1), np.ones(a), np.ones(b))
