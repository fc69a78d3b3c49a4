"""Dropout in models: active in training alone, and masks that follow seed, layer and step."""

import numpy as np
import pytest
import reference

import pycnn
from pycnn import _core, layers

Data = tuple[np.ndarray, np.ndarray]

SEED = 12345
RATE = 0.4


def network(rate: float = RATE, width: int = 37) -> _core.Network:
    """Two dropout layers, nodes 0 and 1, between input and loss; no weights."""
    graph = _core.Graph((width,))
    first = graph.dropout(graph.input, rate=rate, name="first")
    second = graph.dropout(first, rate=rate, name="second")
    net = _core.Network(graph, [second], SEED)
    net.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    return net


def learning_network() -> _core.Network:
    """The kernel's gradient shows the mask: one unit, inputs and upstream gradient of ones."""
    graph = _core.Graph((37,))
    dropped = graph.dropout(graph.input, rate=RATE, name="drop")
    out = graph.dense(dropped, units=1, kernel_initializer="zeros", name="out")
    net = _core.Network(graph, [out], SEED)
    net.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    return net


def ones(*shape: int) -> _core.Tensor:
    return _core.Tensor(np.ones(shape, np.float32))


def factors(images: int, node: int, step: int) -> np.ndarray:
    return reference.dropout_factors((images, 37), RATE, SEED, node, step)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_layers_and_steps_have_masks_of_their_own(threads: int) -> None:
    pycnn.set_num_threads(threads)
    net = network()
    x = ones(50, 37)
    for step in range(3):
        expected = factors(50, 0, step) * factors(50, 1, step)
        for _ in range(2):  # asking does not count
            y = net.predict([x], 50, training=True)[0].numpy()
            np.testing.assert_allclose(y, expected, rtol=1e-6)
            dx = net.backward([x], [x], training=True)[0][0].numpy()
            np.testing.assert_allclose(dx, expected, rtol=1e-6)
        loss = net.train_step([x], [ones(50, 37)], 0.1).loss
        assert loss == pytest.approx(np.mean((expected - 1) ** 2), rel=1e-5)
    assert (factors(50, 0, 0) != factors(50, 1, 0)).any()
    assert (factors(50, 0, 0) != factors(50, 0, 1)).any()


def test_batches_of_a_training_prediction_are_consecutive_steps() -> None:
    y = network().predict([ones(40, 37)], 20, training=True)[0].numpy()
    for step, part in enumerate((y[:20], y[20:])):
        expected = factors(20, 0, step) * factors(20, 1, step)
        np.testing.assert_allclose(part, expected, rtol=1e-6)


def test_a_step_trains_with_the_mask_of_its_number() -> None:
    """The kernel moves by the sum over images of 2 / images * target * what dropout let through."""
    net = learning_network()
    moved = np.zeros(37)
    for step in range(2):
        before = net.get_parameter(0).numpy()[:, 0].copy()
        shown = net.predict([ones(20, 37)], 20, training=True)[0].numpy()
        net.train_step([ones(20, 37)], [ones(20, 1)], 0.01)
        moved = net.get_parameter(0).numpy()[:, 0] - before
        expected = -0.01 * 2 / 20 * factors(20, 0, step).T @ (shown[:, 0] - 1)
        np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-7)


def test_a_step_that_fails_does_not_count() -> None:
    net = learning_network()
    bad = np.ones((20, 37), np.float32)
    bad[3] = np.nan
    with pytest.raises(FloatingPointError):
        net.train_step([_core.Tensor(bad)], [ones(20, 1)], 0.1)
    with pytest.raises(ValueError, match="differ in length"):
        net.train_step([ones(20, 37)], [ones(19, 1)], 0.1)
    other = learning_network()
    for each in (net, other):
        each.train_step([ones(20, 37)], [ones(20, 1)], 0.1)
    np.testing.assert_array_equal(net.get_parameter(0).numpy(), other.get_parameter(0).numpy())


def test_a_step_that_a_layer_breaks_off_does_not_count() -> None:
    class Moody(layers.Layer):
        broken = False

        def forward(self, x: np.ndarray) -> np.ndarray:
            return x

        def backward(self, dy: np.ndarray) -> np.ndarray:
            if self.broken:
                raise RuntimeError("not today")
            return dy

    def trained(breaks: bool) -> list[np.ndarray]:
        pycnn.set_random_seed(1)
        moody = Moody()
        model = pycnn.Sequential(
            [layers.Dense(9, input_shape=(4,)), moody, layers.Dropout(0.5), layers.Dense(1)]
        )
        model.compile(pycnn.optimizers.SGD(0.1), "mean_squared_error")
        x, y = np.ones((20, 4), np.float32), np.ones((20, 1), np.float32)
        for step in range(3):
            if breaks and step == 1:
                moody.broken = True
                with pytest.raises(RuntimeError, match="not today"):
                    model.train_on_batch(x, y)
                moody.broken = False
            model.train_on_batch(x, y)
        return model.get_weights()

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_outside_training_it_is_nothing_at_all() -> None:
    graph = _core.Graph((6, 6, 2))
    same = graph.dropout(graph.input, rate=0.5, name="drop")
    again = graph.dropout(same, rate=0.0, name="none")
    conv = graph.conv2d(again, filters=3, kernel_size=(3, 3), padding="same", name="conv")
    net = _core.Network(graph, [conv], SEED)
    report = net.plan_report()  # of prediction: there is no loss
    assert "[Conv2D 'conv']" in report and "Dropout" not in report
    plain = _core.Graph((6, 6, 2))
    out = plain.conv2d(plain.input, filters=3, kernel_size=(3, 3), padding="same", name="conv")
    bare = _core.Network(plain, [out], SEED)
    rng = np.random.default_rng(0)
    x = _core.Tensor(rng.standard_normal((19, 6, 6, 2)).astype(np.float32))
    dy = _core.Tensor(rng.standard_normal((19, 6, 6, 3)).astype(np.float32))
    assert net.predict([x], 19)[0].numpy().tobytes() == bare.predict([x], 19)[0].numpy().tobytes()
    (dx,), (dk, db) = net.backward([x], [dy])
    (wanted_dx,), (wanted_dk, wanted_db) = bare.backward([x], [dy])
    for got, wanted in ((dx, wanted_dx), (dk, wanted_dk), (db, wanted_db)):
        assert got.numpy().tobytes() == wanted.numpy().tobytes()


def test_between_a_picture_and_a_padded_convolution() -> None:
    """The mask goes by the picture's elements, whatever zeros lie around it."""
    graph = _core.Graph((5, 7, 3))
    dropped = graph.dropout(graph.input, rate=0.5, name="drop")
    conv = graph.conv2d(dropped, filters=2, kernel_size=(3, 3), padding="same", name="conv")
    net = _core.Network(graph, [conv], SEED)
    x = np.random.default_rng(1).standard_normal((21, 5, 7, 3)).astype(np.float32)
    kernel, bias = (net.get_parameter(i).numpy() for i in range(2))
    dropped_x = x * reference.dropout_factors(x.shape, 0.5, SEED)
    y = net.predict([_core.Tensor(x)], 21, training=True)[0].numpy()
    expected = reference.conv2d(dropped_x, kernel, bias, padding="same")
    np.testing.assert_allclose(y, expected, atol=1e-5)
    dy = np.random.default_rng(2).standard_normal(y.shape).astype(np.float32)
    (dx,), (dkernel, _) = net.backward([_core.Tensor(x)], [_core.Tensor(dy)], training=True)
    back, wanted_dkernel, _ = reference.conv2d_backward(dy, dropped_x, kernel, padding="same")
    factor = reference.dropout_factors(x.shape, 0.5, SEED)
    np.testing.assert_allclose(dx.numpy(), back * factor, atol=1e-5)
    np.testing.assert_allclose(dkernel.numpy(), wanted_dkernel, atol=1e-3)


def dropout_model() -> pycnn.Sequential:
    model = pycnn.Sequential(
        [
            layers.Dense(64, activation="relu", input_shape=(4,)),
            layers.Dropout(0.3),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(pycnn.optimizers.SGD(0.2, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def test_a_model_trains_the_same_for_any_number_of_threads(blobs: Data) -> None:
    results = []
    for threads in (1, 2, 3, 8):
        pycnn.set_num_threads(threads)
        pycnn.set_random_seed(4)
        model = dropout_model()
        model.fit(*blobs, batch_size=40, epochs=3, verbose=0)
        results.append([weight.tobytes() for weight in model.get_weights()])
    assert all(result == results[0] for result in results)


def test_a_model_learns_with_dropout_and_evaluates_without(blobs: Data) -> None:
    model = dropout_model()
    model.fit(*blobs, epochs=60, verbose=0)
    predictions = [model.predict(blobs[0], verbose=0) for _ in range(2)]
    np.testing.assert_array_equal(*predictions)
    assert (predictions[0].argmax(axis=1) == blobs[1]).mean() > 0.9


def test_the_layer_names_itself_when_the_rate_is_one() -> None:
    with pytest.raises(ValueError, match=r"\[Dropout 'drop'\] rate must be .*below 1; received 1"):
        layers.Dropout(1, name="drop")
    with pytest.raises(
        ValueError, match=r"\[Dropout 'drop'\] rate must be .*, which is 1 in float32"
    ):
        layers.Dropout(1 - 1e-12, name="drop")
    layers.Dropout(1 - 2.0**-24, input_shape=(3,))(pycnn.Input((3,)))  # the largest that is below
    for rate in ("half", None, True):
        with pytest.raises(TypeError, match="rate must be a number"):
            layers.Dropout(rate)  # type: ignore[arg-type]
