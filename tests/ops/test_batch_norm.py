"""Batch normalization: the table, the moving statistics, and what must not depend on the blocks."""

import cases
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close

import pycnn
from pycnn import _core, ops

pytestmark = pytest.mark.usefixtures("isa")

BATCHES = (1, 15, 16, 17, 33)
ROWS = [*cases.rows("batch_normalization"), *cases.rows("batch_normalization_training")]


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    size=st.lists(st.integers(1, 5), max_size=3),
    channels=st.integers(1, 70),
    training=st.booleans(),
    gamma=st.booleans(),
    beta=st.booleans(),
)
def test_any_shape(batch, size, channels, training, gamma, beta):
    assert_close(cases.batch_norm((batch, *size, channels), training, gamma, beta))


def test_the_result_has_mean_beta_and_deviation_gamma():
    x = np.random.default_rng(0).normal(5.0, 3.0, (33, 6, 6, 4))
    gamma, beta = [1.0, 2.0, 0.5, -1.0], [0.0, 1.0, -1.0, 3.0]
    y = ops.batch_normalization_training(x, gamma, beta, 1e-7).astype(np.float64)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), beta, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), np.abs(gamma), rtol=1e-5)


def test_a_mean_far_from_zero_does_not_drown_the_deviation():
    """Sums of the squares of x itself would leave nothing of a deviation of 1 at 10,000."""
    x = (10_000 + np.random.default_rng(0).normal(size=(33, 4, 4, 2))).astype(np.float32)
    y = ops.batch_normalization_training(x, None, None)
    want = reference.batch_normalization_training(x, None, None)
    np.testing.assert_allclose(y, want, atol=5e-3)  # one float at 10,000 is 1e-3


# Inside a network ------------------------------------------------------------------------------


def dense_and_norm(x, kernel, bias, momentum=0.9, center=True, scale=True, before=None):
    """Dense with a bias, so that lanes without an image are not 0, then batch normalization."""
    graph = _core.Graph(x.shape[1:])
    value = graph.dense(graph.input, units=kernel.shape[1])
    value = graph.batch_norm(value, momentum=momentum, center=center, scale=scale, name="norm")
    if before is not None:
        value = before(graph, value)
    network = _core.Network(graph, [value], 0)
    network.set_parameter(0, _core.Tensor(kernel))
    network.set_parameter(1, _core.Tensor(bias))
    network.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    return network


def arrays_for(batch):
    rng = np.random.default_rng(batch)
    draw = cases.floats_from(rng)
    return draw((batch, 6)), draw((6, 5)), draw((5,)) + np.float32(3), draw((batch, 5))


def weights(network, count=6):
    return [network.get_parameter(i).numpy().copy() for i in range(count)]


@pytest.mark.parametrize("batch", BATCHES)
def test_moving_statistics_follow_the_batch(batch):
    x, kernel, bias, y = arrays_for(batch)
    network = dense_and_norm(x, kernel, bias)
    mean, variance = reference.batch_statistics(reference.dense(x, kernel, bias))
    network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.0)
    moving_mean, moving_variance = weights(network)[4:]
    np.testing.assert_allclose(moving_mean, 0.1 * mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)
    network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.0)
    moving_mean, moving_variance = weights(network)[4:]
    np.testing.assert_allclose(moving_mean, 0.19 * mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moving_variance, 0.81 + 0.19 * variance, rtol=1e-5)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("training", [False, True])
def test_gradients_reach_the_layer_in_front(batch, training):
    """Lanes without an image must not leak into the gradients of its weights."""
    x, kernel, bias, dy = arrays_for(batch)
    network = dense_and_norm(x, kernel, bias)
    z = reference.dense(x, kernel, bias)
    if training:
        dz, dgamma, dbeta = reference.batch_normalization_training_backward(dy, z, None)
    else:
        statistics = (np.zeros(5), np.ones(5))
        dz, dgamma, dbeta = reference.batch_normalization_backward(dy, z, None, *statistics)
    want = (*reference.dense_backward(dz, x, kernel), dgamma, dbeta)
    dx, gradients = network.backward([_core.Tensor(x)], [_core.Tensor(dy)], training)
    for got, expected in zip((*dx, *gradients[:4]), want, strict=True):
        # With one image dz is 0 but for rounding, which the inverse deviation (32) magnifies.
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-3)
    for constant in gradients[4:]:
        assert not constant.numpy().any()


@pytest.mark.parametrize(("center", "scale"), [(False, True), (True, False), (False, False)])
def test_without_gamma_or_beta(center, scale):
    x, kernel, bias, dy = arrays_for(17)
    network = dense_and_norm(x, kernel, bias, center=center, scale=scale)
    z = reference.dense(x, kernel, bias)
    dz, dgamma, dbeta = reference.batch_normalization_training_backward(dy, z, None)
    _, gradients = network.backward([_core.Tensor(x)], [_core.Tensor(dy)], True)
    assert len(gradients) == 2 + center + scale + 2
    want = [reference.dense_backward(dz, x, kernel)[1]]
    want += [g for g, there in ((dgamma, scale), (dbeta, center)) if there]
    for got, expected in zip((gradients[0], *gradients[2:-2]), want, strict=True):
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("batch", [17, 100])
def test_any_number_of_threads_gives_the_same_bits(threads, batch):
    def run(count):
        pycnn.set_num_threads(count)
        draw = cases.floats_from(np.random.default_rng(0))
        x, dy = _core.Tensor(draw((batch, 5, 4, 3))), _core.Tensor(draw((batch, 5, 4, 7)))
        graph = _core.Graph((5, 4, 3))
        value = graph.conv2d(graph.input, filters=7, kernel_size=(3, 3), padding="same")
        network = _core.Network(graph, [graph.batch_norm(value)], 3)
        network.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
        results = [*network.predict([x], batch, True)]
        dx, gradients = network.backward([x], [dy], True)
        results += [*dx, *gradients]
        for _ in range(3):
            network.train_step([x], [dy], 0.1)
        return [t.numpy().tobytes() for t in results] + [w.tobytes() for w in weights(network)]

    assert run(threads) == run(1)


def test_prediction_in_training_mode_keeps_nothing():
    x, kernel, bias, _ = arrays_for(33)
    network = dense_and_norm(x, kernel, bias)
    before = weights(network)
    y = network.predict([_core.Tensor(x)], 33, True)[0].numpy()
    want = reference.batch_normalization_training(reference.dense(x, kernel, bias), None, None)
    np.testing.assert_allclose(y, want, atol=1e-4)
    for old, new in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(old, new)


def test_evaluation_and_prediction_use_and_keep_the_moving_statistics():
    x, kernel, bias, y = arrays_for(33)
    network = dense_and_norm(x, kernel, bias)
    before = weights(network)
    got = network.predict([_core.Tensor(x)], 5)[0].numpy()
    z = reference.dense(x, kernel, bias)
    want = reference.batch_normalization(z, None, None, np.zeros(5), np.ones(5))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    loss = network.evaluate([_core.Tensor(x)], [_core.Tensor(y)], 5).loss
    assert loss == pytest.approx(float(np.mean((want - y) ** 2)), rel=1e-5)
    for old, new in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_step_that_is_not_finite_leaves_all_as_it_was():
    x, kernel, bias, y = arrays_for(33)
    network = dense_and_norm(x, kernel, bias)
    network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.1)
    before = weights(network)
    x[20, 3] = np.nan
    with pytest.raises(FloatingPointError, match="input data are not finite"):
        network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.1)
    for old, new in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_an_interrupted_step_leaves_all_as_it_was(where):
    stop = []

    def interrupt(name, result):
        if stop and name == where:
            raise KeyboardInterrupt
        return result

    def watcher(graph, value):
        return graph.python_layer(
            value,
            output_shape=(5,),
            forward=lambda x, w, training: interrupt("forward", x),
            backward=lambda dy, w: (interrupt("backward", dy), []),
        )

    x, kernel, bias, y = arrays_for(33)
    network = dense_and_norm(x, kernel, bias, before=watcher)
    network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.1)
    before = weights(network)
    assert before[4].any()  # the step was one
    stop.append(True)
    with pytest.raises(KeyboardInterrupt):
        network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.1)
    for old, new in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(old, new)
    stop.clear()
    network.train_step([_core.Tensor(x)], [_core.Tensor(y)], 0.1)
    assert (weights(network)[4] != before[4]).any()


# What does not fit -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 3)), np.ones(2), None, np.ones(3), np.ones(3)), r"'gamma' .*\(3,\)"),
        ((np.ones((2, 3)), None, np.ones((3, 1)), np.ones(3), np.ones(3)), r"'beta' .*\(3,\)"),
        ((np.ones((2, 3)), None, None, np.ones(1), np.ones(3)), r"'moving_mean'.*\(3,\); got"),
        ((np.ones(3), None, None, np.ones(3), np.ones(3)), r"^\[BatchNormalization\] expected a"),
        ((np.ones((0, 3)), None, None, np.ones(3), np.ones(3)), r"^\[BatchNormalization\] no data"),
        (
            (np.ones((2, 3)), None, None, np.ones(3), np.ones(3), 0.0),
            r"^\[BatchNormalization\] epsilon must be positive",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.batch_normalization(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": -1.0}, r"^\[BatchNormalization 'n'\] epsilon must be positive"),
        ({"epsilon": float("inf")}, r"^\[BatchNormalization 'n'\] epsilon"),
        ({"momentum": 1.5}, r"^\[BatchNormalization 'n'\] momentum must be in \[0, 1\]"),
        ({"momentum": float("nan")}, r"^\[BatchNormalization 'n'\] momentum"),
        ({"gamma_initializer": "one"}, "one"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    graph = _core.Graph((3,))
    with pytest.raises(ValueError, match=message):
        graph.batch_norm(graph.input, name="n", **options)
