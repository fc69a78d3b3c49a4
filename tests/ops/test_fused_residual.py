"""What residual networks are made of: normalizations and sums with a ReLU behind them, gradients of
values with several readers. Fused by the planner, the bits are those of the plain plan."""

import cases
import numpy as np
import pytest

from pycnn import _core

pytestmark = pytest.mark.usefixtures("isa")

CONV = {"filters": 20, "kernel_size": (3, 3), "padding": "same"}  # a whole vector and a rest


def normalized(graph, x, scale=True, center=True):
    for name in ("first", "second"):
        x = graph.conv2d(x, **CONV, name=name)
        x = graph.batch_norm(x, scale=scale, center=center, name=f"{name} norm")
        x = graph.activation(x, kind="relu")
    return [graph.global_avg_pool2d(x)]


def added(graph, x):
    """ReLU of sums of two and of three; a convolution wants zeros around the first."""
    a = graph.conv2d(x, **CONV)
    b = graph.activation(a, kind="tanh")
    y = graph.activation(graph.add([a, b]), kind="relu")
    return [graph.activation(graph.add([graph.conv2d(y, **CONV), a, b]), kind="relu")]


def read_before(graph, x):
    """Others read what stands in front of the ReLUs."""
    z = graph.batch_norm(graph.conv2d(x, **CONV))
    total = graph.add([z, graph.activation(z, kind="relu")])
    return [graph.activation(total, kind="relu"), total]


NETS = {
    "normalized": normalized,
    "no gamma": lambda graph, x: normalized(graph, x, scale=False),
    "no beta": lambda graph, x: normalized(graph, x, center=False),
    "neither": lambda graph, x: normalized(graph, x, scale=False, center=False),
    "added": added,
}


def network_for(make, fuse, monkeypatch):
    """With weights of both signs, where normalizations begin with ones and zeros."""
    monkeypatch.setenv("PYCNN_FUSE", fuse)
    graph = _core.Graph((6, 7, 3))
    network = _core.Network(graph, make(graph, graph.input), 3)
    draw = cases.floats_from(np.random.default_rng(5))
    for index, parameter in enumerate(graph.parameters):
        values = draw(network.get_parameter(index).shape)
        positive = "variance" in parameter.name
        network.set_parameter(index, _core.Tensor(np.abs(values) + 0.5 if positive else values))
    network.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    return network, len(graph.parameters)


def predictions(network, x):
    """As the network predicts and as it trains."""
    return [network.predict([x], 7)[0], network.predict([x], x.shape[0], True)[0]]


def gradients(network, x, dy):
    both = [network.backward([x], [dy], training) for training in (False, True)]
    return [tensor for dx, weights in both for tensor in (*dx, *weights)]


@pytest.mark.parametrize("batch", [1, 17, 48])
@pytest.mark.parametrize("name", NETS)
def test_fused_and_plain_give_the_same_bits(name, batch, monkeypatch):
    draw = cases.floats_from(np.random.default_rng(batch))
    x = _core.Tensor(draw((batch, 6, 7, 3)))
    results = []
    for fuse in "01":
        network, count = network_for(NETS[name], fuse, monkeypatch)
        got = predictions(network, x)
        y = _core.Tensor(cases.floats_from(np.random.default_rng(1))(got[0].shape))
        got += gradients(network, x, y)
        losses = [network.train_step([x], [y], 0.05).loss for _ in range(2)]
        losses.append(network.evaluate([x], [y], batch).loss)
        got += [network.get_parameter(index) for index in range(count)]
        results.append([*(tensor.numpy().tobytes() for tensor in got), repr(losses)])
    assert results[0] == results[1]


def test_plans_that_are_fused_have_no_relu_of_their_own(monkeypatch):
    if _core.default_device() != "cpu":
        pytest.skip("on the CPU alone")
    for make, layers in ((normalized, 2), (added, 2)):
        reports = [network_for(make, fuse, monkeypatch)[0].plan_report() for fuse in "01"]
        assert [report.count("  forward  [ReLU") for report in reports] == [layers, 0]


def test_what_others_read_is_what_it_was(monkeypatch):
    x = _core.Tensor(cases.floats_from(np.random.default_rng(0))((17, 6, 7, 3)))
    results = []
    for fuse in "01":
        monkeypatch.setenv("PYCNN_FUSE", fuse)
        graph = _core.Graph((6, 7, 3))
        network = _core.Network(graph, read_before(graph, graph.input), 3)
        positive, total = network.predict([x], 17, True)
        np.testing.assert_array_equal(positive.numpy(), np.maximum(total.numpy(), 0))
        assert (total.numpy() < 0).any()
        dx, weights = network.backward([x], [positive, total], True)
        results.append([t.numpy().tobytes() for t in (positive, total, *dx, *weights)])
    assert results[0] == results[1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["normalized", "added"])
def test_what_is_not_finite_goes_the_way_of_the_plain_plan(name, value, monkeypatch):
    """NaN passes through ReLU, and lets no gradient back."""
    draw = cases.floats_from(np.random.default_rng(2))
    data = draw((17, 6, 7, 3))
    data[3, 2, 2, 1] = value
    x = _core.Tensor(data)
    results = []
    for fuse in "01":
        network, _ = network_for(NETS[name], fuse, monkeypatch)
        got = predictions(network, x)
        y = _core.Tensor(cases.floats_from(np.random.default_rng(1))(got[0].shape))
        results.append([tensor.numpy() for tensor in (*got, *gradients(network, x, y))])
    assert not np.isfinite(results[0][0][3]).all()
    assert np.isfinite(np.delete(results[0][0], 3, 0)).all()
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_array_equal(fused, plain)


def branches(graph, x):
    """Values that convolutions and sums read, one with a stride that skips pixels."""
    same = {"kernel_size": (3, 3), "padding": "same"}
    v = graph.conv2d(x, filters=18, **same)
    wide = graph.conv2d(v, filters=18, **same)
    narrow = graph.conv2d(v, filters=3, kernel_size=(1, 1), strides=(2, 2))
    total = graph.add([wide, v])
    return [total, graph.conv2d(total, filters=2, **same), graph.add([total, v]), narrow]


@pytest.mark.parametrize("batch", cases.BATCHES)
def test_gradients_of_values_with_several_readers_meet(batch, monkeypatch):
    """In a convolution, or in a sum of their own: integers are the same to the last bit."""
    draw = cases.integers_from(np.random.default_rng(batch))
    x = _core.Tensor(draw((batch, 5, 6, 2)))
    results = []
    for fuse in "01":
        monkeypatch.setenv("PYCNN_FUSE", fuse)
        graph = _core.Graph((5, 6, 2))
        network = _core.Network(graph, branches(graph, graph.input), 0)
        draw = cases.integers_from(np.random.default_rng(9))
        for index in range(len(graph.parameters)):
            network.set_parameter(index, _core.Tensor(draw(network.get_parameter(index).shape)))
        outputs = network.predict([x], batch)
        dx, weights = network.backward([x], [_core.Tensor(draw(y.shape)) for y in outputs])
        assert all(tensor.numpy().any() for tensor in (*dx, *weights))
        results.append([tensor.numpy() for tensor in (*outputs, *dx, *weights)])
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_array_equal(fused, plain)
