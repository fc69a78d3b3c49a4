"""Layers called twice, models within models, models that share layers; and their files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference as ref
from numpy.testing import assert_allclose, assert_array_equal

import pycnn
from pycnn import layers

RATE = 0.125


def images(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def siamese() -> pycnn.Model:
    """One encoder for both inputs; the sum of what it gives."""
    a, b = pycnn.Input((5, 5, 2), name="a"), pycnn.Input((5, 5, 2), name="b")
    encoder = layers.Conv2D(3, 3, activation="relu", name="encoder")
    y = layers.add([encoder(a), encoder(b)])
    return pycnn.Model([a, b], layers.Dense(1, name="head")(layers.Flatten()(y)))


def step(model: pycnn.Model, x: Any, y: Any) -> list[np.ndarray]:
    before = model.get_weights()
    model.train_on_batch(x, y)
    after = model.get_weights()
    return [(one.astype("f8") - two) / RATE for one, two in zip(before, after, strict=True)]


def test_a_layer_called_twice_sums_its_gradients() -> None:
    model = siamese()
    assert model.count_params() == 3 * 3 * 2 * 3 + 3 + 27 + 1
    assert len(model.get_weights()) == 4
    a, b, target = images((37, 5, 5, 2)), images((37, 5, 5, 2), 1), images((37, 1), 2)
    kernel, bias, head, head_bias = (weight.astype("f8") for weight in model.get_weights())
    pre = [ref.conv2d(x, kernel, bias) for x in (a, b)]
    flat = sum(ref.relu(z) for z in pre).reshape(37, -1)
    y = ref.dense(flat, head, head_bias)
    assert_allclose(model.predict([a, b], verbose=0), y, rtol=1e-4, atol=1e-5)
    dy = ref.mean_squared_error_backward(y, target)
    dz = (dy @ head.T).reshape(pre[0].shape)
    parts = [
        ref.conv2d_backward(ref.relu_backward(dz, z), x, kernel)
        for x, z in zip((a, b), pre, strict=True)
    ]
    model.compile(pycnn.optimizers.SGD(RATE), "mse")
    found = step(model, [a, b], target)
    for index in (0, 1):
        expected = parts[0][index + 1] + parts[1][index + 1]
        assert np.abs(parts[0][index + 1] - expected).max() > 1e-3  # one part alone would show
        assert_allclose(found[index], expected, rtol=1e-4, atol=3e-6)


def test_shared_gradients_do_not_depend_on_threads() -> None:
    a, b, target = images((83, 5, 5, 2)), images((83, 5, 5, 2), 1), images((83, 1), 2)
    results = []
    for threads in (1, 2, 8):
        pycnn.set_num_threads(threads)
        pycnn.set_random_seed(3)
        model = siamese()
        model.compile(pycnn.optimizers.SGD(0.01, momentum=0.5), "mse")
        model.fit([a, b], target, epochs=2, verbose=0)
        results.append(model.get_weights())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert_array_equal(one, two)


def test_a_layer_in_a_loop() -> None:
    """Three calls one behind the other: the power of a matrix, and its gradient."""
    x = pycnn.Input((4,))
    square = layers.Dense(4, use_bias=False, name="w")
    y = square(square(square(x)))
    model = pycnn.Model(x, y)
    data, target = images((18, 4)), images((18, 4), 1)
    w = model.get_weights()[0].astype("f8")
    steps = [data.astype("f8")]
    for _ in range(3):
        steps.append(steps[-1] @ w)
    assert_allclose(model.predict(data, verbose=0), steps[3], rtol=1e-4, atol=1e-5)
    dy, expected = ref.mean_squared_error_backward(steps[3], target), np.zeros((4, 4))
    for before in reversed(steps[:3]):
        expected += before.T @ dy
        dy = dy @ w.T
    model.compile(pycnn.optimizers.SGD(RATE), "mse")
    assert_allclose(step(model, data, target)[0], expected, rtol=1e-4, atol=3e-6)


def batch_norm_twice() -> Any:
    """Batch normalization of two inputs, the second node with the weights of the first."""
    graph = pycnn._core.Graph()
    xs = [graph.add_input((3,)) for _ in range(2)]
    ys = [graph.batch_norm(x, momentum=0.5) for x in xs]
    graph.share_parameters(1, 0)
    assert [parameter.name for parameter in graph.parameters] == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    return pycnn._core.Network(graph, ys, 0)


def test_shared_batch_normalization() -> None:
    """Gradients of both calls add up; the moving mean moves twice in one step."""
    network = batch_norm_twice()
    data = [images((40, 3)) + 4, images((40, 3), 1) - 2]
    ups = [images((40, 3), 2), images((40, 3), 3)]
    tensors = [[pycnn.Tensor(array) for array in arrays] for arrays in (data, ups)]
    _, gradients = network.backward(*tensors, True)
    normal = [(x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3) for x in data]
    gamma = sum((dy * h).sum(axis=0) for dy, h in zip(ups, normal, strict=True))
    assert_allclose(gradients[0].numpy(), gamma, rtol=1e-3, atol=1e-4)
    assert_allclose(gradients[1].numpy(), sum(dy.sum(axis=0) for dy in ups), rtol=1e-4, atol=1e-4)
    loss = pycnn._core.OutputOptions("mean_squared_error")
    network.compile(outputs=[loss, loss], optimizer=pycnn._core.SGD())
    network.train_step(*tensors, 0.0)
    expected = 0.5 * (0.5 * data[0].mean(axis=0)) + 0.5 * data[1].mean(axis=0)
    assert_allclose(network.get_parameter(2).numpy(), expected, rtol=1e-4)


def encoder() -> pycnn.Sequential:
    return pycnn.Sequential([layers.Dense(3, activation="tanh"), layers.Dense(2)], name="encoder")


def test_a_nested_model_gives_and_takes_its_weights() -> None:
    inner = encoder()
    x = pycnn.Input((4,))
    outer = pycnn.Model(x, layers.Dense(1, name="dense")(inner(x)))
    assert inner.input_shape == (None, 4) and outer.layers[0] is inner
    assert list(outer._named_weights()) == [
        "encoder/dense/kernel",
        "encoder/dense/bias",
        "encoder/dense_1/kernel",
        "encoder/dense_1/bias",
        "dense/kernel",
        "dense/bias",
    ]
    inner.set_weights([np.full(w.shape, 0.25) for w in inner.get_weights()])
    assert (outer.get_weights()[0] == 0.25).all()
    data = images((20, 4))
    outer.compile(pycnn.optimizers.SGD(0.1), "mse")
    during: list[np.ndarray] = []
    look = pycnn.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: during.append(inner.get_weights()[0])
    )
    outer.fit(data, data[:, :1], epochs=3, verbose=0, callbacks=look)
    assert (during[0] != 0.25).any() and (during[1] != during[0]).any()
    after = outer.get_weights()
    assert_array_equal(during[2], after[0])
    hidden = ref.dense(np.tanh(ref.dense(data, *after[:2])), *after[2:4])
    assert_allclose(inner.predict(data, verbose=0), hidden, rtol=1e-4, atol=1e-6)
    inner.compile(pycnn.optimizers.SGD(0.1), "mse")
    inner.fit(data, data[:, :2], verbose=0)
    assert_array_equal(outer.get_weights()[0], inner.get_weights()[0])
    assert (outer.get_weights()[0] != after[0]).any()


def test_a_nested_model_called_twice() -> None:
    inner = encoder()
    a, b = pycnn.Input((4,)), pycnn.Input((4,))
    model = pycnn.Model([a, b], layers.add([inner(a), inner(b)]))
    assert len(model.get_weights()) == 4
    data = [images((6, 4)), images((6, 4), 1)]
    total = sum(inner.predict(x, verbose=0) for x in data)
    assert_allclose(model.predict(data, verbose=0), total, rtol=1e-5, atol=1e-6)


def test_models_in_a_sequential() -> None:
    base = encoder()
    model = pycnn.Sequential([pycnn.Input((4,)), base, layers.Dense(2, name="top")])
    assert model.count_params() == base.count_params() + 6
    other = pycnn.Sequential([pycnn.Input((4,)), base])
    data = images((5, 4))
    assert_array_equal(other.predict(data, verbose=0), base.predict(data, verbose=0))
    model.compile("sgd", "mse")
    model.fit(data, data[:, :2], verbose=0)
    assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_a_nested_model_of_several_outputs() -> None:
    x = pycnn.Input((4,))
    inner = pycnn.Model(x, {"a": layers.Dense(2)(x), "b": layers.Dense(3)(x)}, name="two")
    y = pycnn.Input((4,), name="data")
    parts = inner(y)
    model = pycnn.Model(y, [parts["b"], parts["a"]])
    assert [tensor.shape for tensor in model.outputs] == [(None, 3), (None, 2)]
    assert model.output_names == ["two", "two_1"]
    data = images((5, 4))
    b, a = model.predict(data, verbose=0)
    expected = inner.predict(data, verbose=0)
    assert_array_equal(a, expected["a"])
    assert_array_equal(b, expected["b"])


def test_weights_outlive_the_model_that_made_them() -> None:
    layer = layers.Dense(2)
    first = pycnn.Sequential([pycnn.Input((3,)), layer])
    weights = first.get_weights()
    del first
    second = pycnn.Sequential([pycnn.Input((3,)), layer])
    assert_array_equal(second.get_weights()[0], weights[0])


def normalized() -> pycnn.Model:
    """Batch normalization on two branches with one set of weights and statistics."""
    x = pycnn.Input((4,))
    shared = layers.BatchNormalization(momentum=0.5, name="norm")
    y = layers.add([shared(x), shared(layers.Dense(4, name="dense")(x))])
    return pycnn.Model(x, layers.Dense(1, name="head")(y))


def test_statistics_are_weights_that_are_not_trained(tmp_path: Path) -> None:
    model = normalized()
    names = ["dense/kernel", "dense/bias", "norm/gamma", "norm/beta"]
    names += ["norm/moving_mean", "norm/moving_variance", "head/kernel", "head/bias"]
    assert list(model._named_weights()) == names
    assert (model.count_params(), model.count_params(trainable_only=True)) == (20 + 16 + 5, 33)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert lines[-2].startswith("Parameters: 41 ") and lines[-2].endswith("33 of them trainable")
    model.compile("sgd", "mse")
    data = images((40, 4)) + 3
    kernel, bias = model.get_weights()[:2]
    model.train_on_batch(data, data[:, :1])
    moved = model.get_weights()[4]
    # Two moves of one half, one for each call; both calls are equally far from the output.
    branches = data.mean(axis=0), (data @ kernel + bias).mean(axis=0)
    either = [0.25 * one + 0.5 * two for one, two in (branches, branches[::-1])]
    assert min(np.abs(moved - mean).max() for mean in either) < 1e-5
    model.save(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m")
    assert_array_equal(loaded.get_weights()[4], moved)
    assert_array_equal(loaded.predict(data, verbose=0), model.predict(data, verbose=0))


def test_shared_statistics_do_not_depend_on_threads() -> None:
    results = []
    data = images((83, 4))
    for threads in (1, 2, 8):
        pycnn.set_num_threads(threads)
        pycnn.set_random_seed(3)
        model = normalized()
        model.compile(pycnn.optimizers.SGD(0.01, momentum=0.5), "mse")
        model.fit(data, data[:, :1], epochs=2, verbose=0)
        results.append(model.get_weights())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert_array_equal(one, two)


def test_weights_of_a_layer() -> None:
    inner = encoder()
    model = pycnn.Sequential([pycnn.Input((4,)), inner, layers.Flatten(), layers.Dense(3)])
    first, flat = inner.layers[0], model.layers[1]
    kernel, bias = first.get_weights()
    assert_array_equal(kernel, model.get_weights()[0])
    assert flat.get_weights() == []
    flat.set_weights([])
    first.set_weights([kernel + 1, bias + 2])
    for holder in (inner, model):
        assert_array_equal(holder.get_weights()[0], kernel + 1)
        assert_array_equal(holder.get_weights()[1], bias + 2)
    for bad, message in (([kernel], "has 2 weights"), ([kernel, kernel], r"weight 1 has shape")):
        with pytest.raises(ValueError, match=rf"\[Dense 'dense'\] {message}"):
            first.set_weights(bad)
    assert_array_equal(first.get_weights()[0], kernel + 1)
    with pytest.raises(ValueError, match=r"\[Dense 'dense'\] has no weights before a model"):
        layers.Dense(2).get_weights()


# Files ----------------------------------------------------------------------------------------


def big() -> pycnn.Model:
    """Shared layers, nested models of both kinds, two inputs, a dict of outputs."""
    a, b = pycnn.Input((4,), name="a"), pycnn.Input((4,), name="b")
    inner = encoder()
    once = layers.Dense(4, activation="relu", name="once")
    z = pycnn.Input((2,))
    graph = pycnn.Model(z, [layers.Dense(1)(z), layers.Dense(3)(z)], name="graph")
    small, large = graph(layers.add([inner(once(a)), inner(once(b))]))
    kind = layers.Softmax(name="soft")(layers.concatenate([large, small]))
    return pycnn.Model({"a": a, "b": b}, {"kind": kind, "size": small}, name="big")


def test_saved_and_loaded(tmp_path: Path) -> None:
    model = big()
    model.compile(
        pycnn.optimizers.SGD(0.1, momentum=0.9),
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        {"kind": ["accuracy"]},
        loss_weights={"size": 0.5},
    )
    x = {"a": images((9, 4)), "b": images((9, 4), 1)}
    y = {"kind": np.arange(9) % 4, "size": np.ones(9)}
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m")
    assert type(loaded) is pycnn.Model and loaded.get_config() == model.get_config()
    assert list(loaded._named_weights()) == list(model._named_weights())
    for one, two in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert_array_equal(one, two)
    assert loaded.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(
        x, y, verbose=0, return_dict=True
    )
    prediction = loaded.predict(x, verbose=0)
    assert_array_equal(prediction["kind"], model.predict(x, verbose=0)["kind"])
    fresh = big()
    fresh.load_weights(tmp_path / "m")
    assert_array_equal(fresh.predict(x, verbose=0)["size"], prediction["size"])


def test_a_sequential_with_models_is_saved(tmp_path: Path) -> None:
    model = pycnn.Sequential([pycnn.Input((4,)), encoder(), layers.Dense(2)])
    model.save(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m")
    data = images((3, 4))
    assert type(loaded) is pycnn.Sequential
    assert_array_equal(loaded.predict(data, verbose=0), model.predict(data, verbose=0))


def cyclic(config: dict[str, Any]) -> None:
    config["calls"][0]["inputs"] = [["soft", 0, 0]]


def unknown(config: dict[str, Any]) -> None:
    config["calls"][0]["layer"] = "onec"


def no_such_call(config: dict[str, Any]) -> None:
    config["outputs"][0] = ["once", 7, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cyclic, "'once' reads .*soft.*no call before it"),
        (unknown, "layer 'onec', which does not exist"),
        (no_such_call, "an output reads .*once"),
    ],
)
def test_a_corrupt_graph(change: Any, message: str) -> None:
    config = big().get_config()
    change(config)
    with pytest.raises(ValueError, match=message):
        pycnn.Model.from_config(config)


def test_a_layer_inside_and_outside_of_a_nested_model_is_not_saved(tmp_path: Path) -> None:
    inner = encoder()
    x = pycnn.Input((4,))
    model = pycnn.Model(x, layers.add([inner(x), inner.layers[1](inner.layers[0](x))]))
    assert len(model.get_weights()) == 4
    data = images((3, 4))
    assert_allclose(
        model.predict(data, verbose=0), 2 * inner.predict(data, verbose=0), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(ValueError, match="both in a nested model and outside"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
