"""Models that are no chain, held against the NumPy reference composed by hand."""

from collections.abc import Callable
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


def residual() -> pycnn.Model:
    """A value with two readers, a projection beside the main branch."""
    x = pycnn.Input((6, 5, 3))
    y = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(4, 3, padding="same", name="second")(y)
    shortcut = layers.Conv2D(4, 1, name="shortcut")(x)
    y = layers.ReLU(name="out")(layers.add([y, shortcut]))
    y = layers.Flatten()(y)
    return pycnn.Model(x, layers.Dense(3, name="head")(y))


def inception() -> pycnn.Model:
    x = pycnn.Input((6, 5, 3))
    one = layers.Conv2D(2, 1, name="one")(x)
    three = layers.Conv2D(3, 3, padding="same", name="three")(x)
    pool = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    y = layers.concatenate([one, three, pool])
    return pycnn.Model(x, layers.Dense(3, name="head")(layers.Flatten()(y)))


def weights_by_name(model: pycnn.Model) -> dict[str, np.ndarray]:
    return {name: value.astype("f8") for name, value in model._named_weights().items()}


Result = tuple[np.ndarray, dict[str, np.ndarray]]


def conv(w: dict[str, np.ndarray], name: str, x: Any, padding: str = "same") -> np.ndarray:
    return ref.conv2d(x, w[f"{name}/kernel"], w[f"{name}/bias"], padding=padding)


def conv_back(w: Any, g: Any, name: str, dy: Any, x: Any) -> np.ndarray:
    dx, g[f"{name}/kernel"], g[f"{name}/bias"] = ref.conv2d_backward(
        dy, x, w[f"{name}/kernel"], padding="same"
    )
    return dx


def head_back(w: Any, g: Any, x: Any, y: Any, target: Any) -> np.ndarray:
    dy = ref.mean_squared_error_backward(y, target)
    dx, g["head/kernel"], g["head/bias"] = ref.dense_backward(dy, x, w["head/kernel"])
    return dx


def residual_by_hand(w: dict[str, np.ndarray], x: np.ndarray, target: np.ndarray) -> Result:
    a = conv(w, "first", x)
    r = ref.relu(a)
    s = conv(w, "second", r) + conv(w, "shortcut", x)
    z = ref.relu(s)
    flat = z.reshape(len(x), -1)
    y = ref.dense(flat, w["head/kernel"], w["head/bias"])
    g: dict[str, np.ndarray] = {}
    dz = head_back(w, g, flat, y, target).reshape(z.shape)
    ds = ref.relu_backward(dz, s)
    dr = conv_back(w, g, "second", ds, r)
    conv_back(w, g, "shortcut", ds, x)
    conv_back(w, g, "first", ref.relu_backward(dr, a), x)
    return y, g


def inception_by_hand(w: dict[str, np.ndarray], x: np.ndarray, target: np.ndarray) -> Result:
    parts = [
        conv(w, "one", x),
        conv(w, "three", x),
        ref.max_pool2d(x, 3, 1, "same"),
    ]
    joined = np.concatenate(parts, axis=-1)
    flat = joined.reshape(len(x), -1)
    y = ref.dense(flat, w["head/kernel"], w["head/bias"])
    g: dict[str, np.ndarray] = {}
    dz = head_back(w, g, flat, y, target).reshape(joined.shape)
    conv_back(w, g, "one", dz[..., :2], x)
    conv_back(w, g, "three", dz[..., 2:5], x)
    return y, g


def step(model: pycnn.Model, x: Any, y: Any) -> dict[str, np.ndarray]:
    """The gradients that one plain SGD step applies."""
    before = model._named_weights()
    model.train_on_batch(x, y)
    after = model._named_weights()
    return {name: (before[name].astype("f8") - after[name]) / RATE for name in before}


@pytest.mark.parametrize(
    ("build", "by_hand"), [(residual, residual_by_hand), (inception, inception_by_hand)]
)
def test_blocks_against_the_reference(
    build: Callable[[], pycnn.Model], by_hand: Callable[..., Result]
) -> None:
    model = build()
    x, target = images((19, 6, 5, 3)), images((19, 3), seed=1)
    weights = weights_by_name(model)
    y, gradients = by_hand(weights, x, target)
    assert_allclose(model.predict(x, verbose=0), y, rtol=1e-4, atol=1e-5)
    model.compile(pycnn.optimizers.SGD(RATE), "mse")
    loss = model.evaluate(x, target, verbose=0)
    assert loss == pytest.approx(ref.mean_squared_error(y, target), rel=1e-5)
    found = step(model, x, target)
    assert set(found) == set(gradients) == set(weights)
    for name, gradient in gradients.items():
        # A step of 1/8 of the gradient is read off weights near 1: 2^-23 / (1/8) of absolute error.
        assert_allclose(found[name], gradient, rtol=1e-4, atol=3e-6, err_msg=name)


@pytest.mark.parametrize("build", [residual, inception])
def test_bits_do_not_depend_on_threads(build: Callable[[], pycnn.Model]) -> None:
    x, target = images((83, 6, 5, 3)), images((83, 3), seed=1)
    results = []
    for threads in (1, 2, 3, 8):
        pycnn.set_num_threads(threads)
        pycnn.set_random_seed(5)
        model = build()
        model.compile(pycnn.optimizers.SGD(0.01, momentum=0.9), "mse")
        model.fit(x, target, batch_size=35, epochs=2, verbose=0)
        results.append(model.get_weights())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert_array_equal(one, two)


def two_headed(form: str = "list") -> pycnn.Model:
    x = pycnn.Input((4,))
    shared = layers.Dense(5, activation="tanh", name="trunk")(x)
    kind = layers.Dense(3, activation="softmax", name="kind")(shared)
    size = layers.Dense(1, name="size")(shared)
    outputs: Any = [kind, size] if form == "list" else {"k": kind, "s": size}
    return pycnn.Model(x, outputs)


def compile_two(model: pycnn.Model, weights: Any) -> None:
    model.compile(
        pycnn.optimizers.SGD(RATE),
        ["sparse_categorical_crossentropy", "mse"],
        [["accuracy"], []],
        loss_weights=weights,
    )


def test_two_outputs_with_loss_weights() -> None:
    """The step is the weighted sum of the steps for each output alone."""
    x = images((21, 4))
    y = [np.arange(21) % 3, images((21, 1), seed=1)]
    gradients = []
    for weights in ([1, 0], [0, 1], [0.25, 3]):
        pycnn.set_random_seed(1)
        model = two_headed()
        compile_two(model, weights)
        gradients.append(step(model, x, y))
    kind, size, both = gradients
    assert (kind["size/kernel"] == 0).all() and (kind["kind/kernel"] != 0).any()
    assert (size["kind/kernel"] == 0).all() and (size["size/kernel"] != 0).any()
    for name, gradient in both.items():
        assert_allclose(
            gradient, 0.25 * kind[name] + 3 * size[name], rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_two_outputs_against_the_reference() -> None:
    x, size = images((21, 4)), images((21, 1), seed=1)
    kind = np.arange(21) % 3
    model = two_headed()
    compile_two(model, {"kind": 0.25, "size": 3})
    w = weights_by_name(model)
    h = np.tanh(ref.dense(x, w["trunk/kernel"], w["trunk/bias"]))
    logits = ref.dense(h, w["kind/kernel"], w["kind/bias"])
    guess = ref.dense(h, w["size/kernel"], w["size/bias"])
    logs = model.evaluate(x, [kind, size], verbose=0, return_dict=True)
    one, two = ref.softmax_cross_entropy(logits, kind), ref.mean_squared_error(guess, size)
    assert list(logs) == ["loss", "kind_loss", "size_loss", "kind_accuracy"]
    hits = (logits.argmax(axis=1) == kind).mean()
    assert_allclose(list(logs.values()), [0.25 * one + 3 * two, one, two, hits], rtol=1e-5)
    d_logits = 0.25 * ref.softmax_cross_entropy_backward(logits, kind)
    d_guess = 3 * ref.mean_squared_error_backward(guess, size)
    d_h = d_logits @ w["kind/kernel"].T + d_guess @ w["size/kernel"].T
    expected = x.T.astype("f8") @ (d_h * (1 - h * h))
    found = step(model, x, {"size": size, "kind": kind})
    assert_allclose(found["trunk/kernel"], expected, rtol=1e-4, atol=3e-6)


def test_outputs_by_name() -> None:
    x = images((7, 4))
    model = two_headed("dict")
    assert model.output_names == ["k", "s"]
    model.compile(
        "sgd",
        {"s": "mse", "k": "sparse_categorical_crossentropy"},
        {"k": ["accuracy", pycnn.metrics.SparseTopKCategoricalAccuracy(2, "top2")]},
    )
    y = {"s": np.zeros(7), "k": np.arange(7) % 3}
    history = model.fit(x, y, verbose=0, validation_split=0.3).history
    names = ["loss", "k_loss", "s_loss", "k_accuracy", "k_top2"]
    assert list(history) == [*names, *(f"val_{name}" for name in names)]
    result = model.predict(x, verbose=0)
    assert {name: array.shape for name, array in result.items()} == {"k": (7, 3), "s": (7, 1)}
    assert model.output_shape == {"k": (None, 3), "s": (None, 1)}


def two_legged() -> pycnn.Model:
    left, right = pycnn.Input((4,), name="left"), pycnn.Input((3,), name="right")
    joined = layers.Concatenate()([left, layers.Dense(2, name="r")(right)])
    return pycnn.Model([left, right], layers.Dense(1, name="sum")(joined))


def test_several_inputs() -> None:
    model = two_legged()
    a, b = images((9, 4)), images((9, 3), seed=1)
    w = weights_by_name(model)
    r = ref.dense(b, w["r/kernel"], w["r/bias"])
    y = ref.dense(np.concatenate([a, r], axis=1), w["sum/kernel"], w["sum/bias"])
    assert_allclose(model.predict([a, b], verbose=0), y, rtol=1e-4, atol=1e-6)
    by_name = model.predict({"right": b, "left": a}, verbose=0)
    assert_array_equal(by_name, model.predict([a, b], verbose=0))
    model.compile(pycnn.optimizers.SGD(0.1), "mse")
    target = a.sum(axis=1) - b.sum(axis=1)
    history = model.fit(
        [a, b], target, batch_size=4, epochs=30, verbose=0, validation_data=([a, b], target)
    ).history
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert history["val_loss"][-1] < 0.2 * history["loss"][0]
    assert model.input_shape == [(None, 4), (None, 3)] and model.input_names == ["left", "right"]


def test_batch_hooks_see_all_outputs() -> None:
    """Step by step and in one go give the same numbers."""
    x, y = images((37, 4)), [np.arange(37) % 3, np.zeros(37)]
    model = two_headed()
    compile_two(model, [1, 2])
    shapes: list[Any] = []
    hook = pycnn.callbacks.LambdaCallback(
        on_predict_batch_end=lambda batch, logs: shapes.append([o.shape for o in logs["outputs"]]),
        on_test_batch_end=lambda batch, logs: None,
    )
    one = model.evaluate(x, y, batch_size=16, verbose=0)
    assert_allclose(model.evaluate(x, y, batch_size=16, verbose=0, callbacks=hook), one, rtol=1e-6)
    plain = model.predict(x, batch_size=16, verbose=0)
    for a, b in zip(plain, model.predict(x, 16, 0, callbacks=hook), strict=True):
        assert_array_equal(a, b)
    assert shapes == [[(16, 3), (16, 1)], [(16, 3), (16, 1)], [(5, 3), (5, 1)]]


def test_axes_count_the_batch() -> None:
    x, y = pycnn.Input((2, 3, 4)), pycnn.Input((2, 3, 4))
    shapes = {axis: layers.concatenate([x, y], axis).shape for axis in (1, 2, 3, -1, -2, -3)}
    assert shapes[1] == shapes[-3] == (None, 4, 3, 4)
    assert shapes[2] == shapes[-2] == (None, 2, 6, 4)
    assert shapes[3] == shapes[-1] == (None, 2, 3, 8)


def test_an_input_may_be_an_output() -> None:
    x = pycnn.Input((3,), name="x")
    model = pycnn.Model(x, [x, layers.ReLU()(x)])
    data = images((5, 3))
    same, positive = model.predict(data, verbose=0)
    assert_array_equal(same, data)
    assert_array_equal(positive, np.maximum(data, 0))
    assert model.output_names == ["x", "re_lu"]


def test_output_names_follow_the_layers_of_a_built_sequential() -> None:
    model = pycnn.Sequential([pycnn.Input((3,)), layers.Dense(2, name="first")])
    x = np.ones((1, 3), np.float32)
    assert model.output_names == ["first"]
    assert model.predict(x, verbose=0).shape == (1, 2)
    model.add(layers.Dense(4, name="second"))
    assert model.output_names == ["second"]
    assert model.predict(x, verbose=0).shape == (1, 4)
    model.pop()
    assert model.output_names == ["first"]
    assert model.predict(x, verbose=0).shape == (1, 2)


def test_layers_come_in_the_order_of_keras() -> None:
    """The block of Keras's ResNet50, whose summary begins so."""
    x = pycnn.Input((4, 4, 2))
    shortcut = layers.Conv2D(3, 1, name="0_conv")(x)
    shortcut = layers.Rescaling(1.0, name="0_bn")(shortcut)
    y = x
    for number in (1, 2, 3):
        y = layers.Conv2D(3, 1, name=f"{number}_conv")(y)
        y = layers.Rescaling(1.0, name=f"{number}_bn")(y)
        y = layers.ReLU(name=f"{number}_relu")(y) if number < 3 else y
    y = layers.ReLU(name="out")(layers.Add(name="add")([shortcut, y]))
    model = pycnn.Model(x, y)
    main = ["1_conv", "1_bn", "1_relu", "2_conv", "2_bn", "2_relu"]
    both = ["0_conv", "3_conv", "0_bn", "3_bn", "add", "out"]
    assert [layer.name for layer in model.layers] == main + both


def test_a_model_from_the_middle_of_another() -> None:
    model = residual()
    middle = pycnn.Model(model.input, model.get_layer("first").output)
    x = images((3, 6, 5, 3))
    w = weights_by_name(model)
    assert_allclose(
        middle.predict(x, verbose=0), ref.relu(conv(w, "first", x)), rtol=1e-4, atol=1e-5
    )
    model.compile("sgd", "mse")
    model.fit(x, images((3, 3)), verbose=0)
    trained = model._named_weights()["first/kernel"]
    assert (trained != w["first/kernel"]).any()
    assert_array_equal(middle.get_weights()[0], trained)


def test_summary_shows_connections() -> None:
    lines: list[str] = []
    residual().summary(print_fn=lines.append)
    assert lines[2].endswith("Connected to")
    add = next(line for line in lines if line.startswith("add"))
    assert add.endswith("second, shortcut")
    assert next(line for line in lines if line.startswith("first")).split()[-1] == "input"
    lines.clear()
    pycnn.Sequential([pycnn.Input((3,)), layers.Dense(2)]).summary(print_fn=lines.append)
    assert not any("Connected" in line for line in lines)
