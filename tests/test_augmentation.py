"""Augmentation in models: training alone, draws by seed, layer and step, fused into the gather."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from small_models import conv_layers

import pycnn
from pycnn import _core, layers

Data = tuple[np.ndarray, np.ndarray]

SEED = 4321
OPTIONS: dict[str, Any] = {
    "shift": (2, 1),
    "horizontal_flip": True,
    "rotation": 20.0,
    "scale": (0.8, 1.25),
    "brightness": 0.25,
    "fill": 0.5,
}
CROP: dict[str, Any] = {"crop": (7, 6), "padding": (1, 2), "horizontal_flip": True}
SIZE = (8, 9, 2)


def pictures(images: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(images).integers(0, 256, (images, *SIZE)).astype(dtype)


def network(order: str, options: dict[str, Any] = OPTIONS, picture: bool = False) -> _core.Network:
    """Behind the input an augmentation "a", a Rescaling "r", or both, in this order."""
    graph = _core.Graph(SIZE)
    value = graph.input
    for kind in order:
        if kind == "a":
            value = graph.augment(value, **options, name="augment")
        else:
            value = graph.rescale(value, scale=1 / 255, offset=0.1, name="rescale")
    if picture:
        value = graph.conv2d(value, filters=3, kernel_size=(3, 3), padding="same", name="conv")
    return _core.Network(graph, [value], SEED)


def expected(order: str, x: np.ndarray, options: dict[str, Any], step: int) -> np.ndarray:
    for node, kind in enumerate(order):
        if kind == "a":
            x = reference.augment(x, seed=SEED, node=node, step=step, **options)
        else:
            x = reference.rescale(x, 1 / 255, 0.1)
    return x


def shown(net: _core.Network, x: np.ndarray, training: bool = True) -> np.ndarray:
    return net.predict([_core.Tensor(x)], len(x), training=training)[0].numpy()


@pytest.fixture(params=["0", "1"], ids=["plain", "fused"])
def fuse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCNN_FUSE", request.param)


@pytest.mark.usefixtures("fuse")
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("order", ["a", "ar", "ra", "rar", "aa"])
def test_at_the_input_it_is_the_reference_s(order: str, threads: int) -> None:
    pycnn.set_num_threads(threads)
    for dtype in ("uint8", "float32"):
        for options in (OPTIONS, OPTIONS | CROP):
            x = pictures(37, dtype)
            want = expected(order, x, options, step=0)
            got = shown(network(order, options), x)
            np.testing.assert_allclose(got, want, rtol=0, atol=2e-6 * np.abs(want).max())


@pytest.mark.parametrize("options", [OPTIONS, CROP], ids=["same size", "crop"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("order", ["a", "ar", "ra", "rar"])
def test_fused_and_plain_give_the_same(
    order: str, training: bool, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(37, "uint8")
    size = options.get("crop", SIZE[:2])
    dy = np.random.default_rng(1).standard_normal((37, *size, 3)).astype(np.float32)
    results = []
    for fuse in ("0", "1"):
        monkeypatch.setenv("PYCNN_FUSE", fuse)
        net = network(order, options, picture=True)
        (dx,), parameters = net.backward([_core.Tensor(x)], [_core.Tensor(dy)], training)
        gradients = [tensor.numpy() for tensor in (dx, *parameters)]
        results.append([shown(net, x, training), *gradients])
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_allclose(plain, fused, rtol=0, atol=1e-5 * np.abs(plain).max())


@pytest.mark.parametrize("order", ["a", "ar", "ra"])
def test_fused_it_has_no_pass_of_its_own(order: str) -> None:
    net = network(order, picture=True)
    net.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    lines = net.plan_report().split("buffers")[0].splitlines()
    assert [line.strip() for line in lines[1:3]] == [
        "forward  [Augmentation 'augment']",
        "forward  [Conv2D 'conv']",
    ]
    assert "[Input]" not in net.plan_report()


@pytest.mark.usefixtures("fuse")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("order", ["a", "ra", "ar"])
def test_gradients_by_the_pictures(order: str, training: bool) -> None:
    x = pictures(20)
    options = OPTIONS | {"crop": (7, 6), "padding": (1, 1)}
    net = network(order, options)
    dy = np.random.default_rng(2).standard_normal((20, 7, 6, 2)).astype(np.float32)
    (dx,), _ = net.backward([_core.Tensor(x)], [_core.Tensor(dy)], training)
    factor = 1 / 255 if "r" in order else 1.0
    if training:
        # Of draws at another node: the layer's number counts.
        want = np.zeros(x.shape)
        parts = reference.augment_weights(
            x.shape, SEED, node=order.index("a"), **augment_moves(options)
        )
        for image, (_, weights) in enumerate(parts):
            want[image] = (weights.T @ dy[image].reshape(-1, 2)).reshape(SIZE)
    else:
        want = np.zeros(x.shape)
        want[:, 0:7, 1:7] = dy  # the middle of 10 x 11 with a border of 1: from -1 + 1, -1 + 2
    np.testing.assert_allclose(dx.numpy(), want * factor, atol=1e-5)


def augment_moves(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in options if name not in ("brightness", "fill")}


@pytest.mark.usefixtures("fuse")
def test_outside_training_it_is_nothing_at_all() -> None:
    x = pictures(33)
    dy = _core.Tensor(np.ones((33, *SIZE[:2], 3), np.float32))
    net, bare = network("a", picture=True), network("", picture=True)
    assert "Augmentation" not in net.plan_report()
    assert shown(net, x, False).tobytes() == shown(bare, x, False).tobytes()
    mine, other = (each.backward([_core.Tensor(x)], [dy]) for each in (net, bare))
    assert mine[0][0].numpy().tobytes() == other[0][0].numpy().tobytes()
    assert mine[1][0].numpy().tobytes() == other[1][0].numpy().tobytes()


def test_without_any_option_it_is_nothing_in_training_either() -> None:
    net = network("a", {}, picture=True)
    net.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    assert "Augmentation" not in net.plan_report()
    x = pictures(17)
    assert shown(net, x).tobytes() == shown(net, x, False).tobytes()


@pytest.mark.usefixtures("fuse")
@pytest.mark.parametrize(
    ("crop", "padding", "rows", "columns"),
    [
        ((4, 5), (0, 0), slice(2, 6), slice(2, 7)),
        ((3, 4), (0, 0), slice(2, 5), slice(2, 6)),  # the odd pixel is left over below and right
        ((8, 3), (2, 0), slice(0, 8), slice(3, 6)),
    ],
)
def test_outside_training_a_crop_is_the_middle(
    crop: Any, padding: Any, rows: slice, columns: slice
) -> None:
    x = pictures(18, "uint8")
    options = OPTIONS | {"shift": (0, 0), "crop": crop, "padding": padding}
    y = shown(network("a", options), x, False)
    np.testing.assert_array_equal(y, x[:, rows, columns])


def test_a_crop_beyond_the_picture_is_filled() -> None:
    x = pictures(5)
    y = shown(network("a", {"crop": (10, 11), "padding": (1, 1), "fill": -2.0}), x, False)
    np.testing.assert_array_equal(y[:, 1:-1, 1:-1], x)
    assert (y[:, 0] == -2).all() and (y[:, :, -1] == -2).all()


@pytest.mark.usefixtures("fuse")
def test_every_step_has_draws_of_its_own() -> None:
    graph = _core.Graph(SIZE)
    moved = graph.augment(graph.input, **OPTIONS, name="augment")
    out = graph.dense(graph.flatten(moved), units=1, kernel_initializer="zeros", name="out")
    net = _core.Network(graph, [out], SEED)
    net.compile(outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD())
    x, target = pictures(20) / 255, np.ones((20, 1), np.float32)
    before = np.zeros(int(np.prod(SIZE)))
    for step in range(3):
        seen = reference.augment(x, seed=SEED, step=step, **OPTIONS).reshape(20, -1)
        out_now = net.predict([_core.Tensor(x)], 20, training=True)[0].numpy()
        net.train_step([_core.Tensor(x)], [_core.Tensor(target)], 0.001)
        after = net.get_parameter(0).numpy()[:, 0].astype(np.float64)
        wanted = -0.001 * 2 / 20 * seen.T @ (out_now[:, 0] - 1)
        np.testing.assert_allclose(after - before, wanted, rtol=1e-3, atol=1e-7)
        before = after


def test_draws_go_by_the_place_in_the_batch_not_in_the_data() -> None:
    """As with dropout: a picture that comes again is seen differently."""
    x = np.repeat(pictures(1), 40, axis=0)
    y = network("a").predict([_core.Tensor(x)], 20, training=True)[0].numpy()
    want = [reference.augment(x[:20], seed=SEED, step=step, **OPTIONS) for step in (0, 1)]
    np.testing.assert_allclose(y, np.concatenate(want), rtol=0, atol=1e-3)
    assert len({picture.tobytes() for picture in y}) == 40


def test_two_inputs_have_draws_of_their_own() -> None:
    inputs = [pycnn.Input((6, 6, 1)) for _ in range(2)]
    moved = [layers.Augmentation(shift=2)(item) for item in inputs]
    model = pycnn.Model(inputs, moved)
    x = np.random.default_rng(0).random((30, 6, 6, 1), np.float32)
    model.compile("sgd", "mean_squared_error")
    net = model._ready_network()
    one, other = net.predict([_core.Tensor(x)] * 2, 30, training=True)
    assert (one.numpy() != other.numpy()).any()
    for y, want in zip(model.predict([x, x], verbose=0), (x, x), strict=True):
        np.testing.assert_array_equal(y, want)


def augmented_model() -> pycnn.Sequential:
    first, scaling, *others = conv_layers()
    model = pycnn.Sequential(
        [first, scaling, layers.Augmentation(shift=2, rotation=10, scale=0.1), *others]
    )
    model.compile(pycnn.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy",
                  ["accuracy"])  # fmt: skip
    return model


def trained(digits: Data, seed: int) -> bytes:
    pycnn.set_random_seed(seed)
    model = augmented_model()
    model.fit(*digits, batch_size=48, epochs=2, verbose=0)
    return b"".join(weight.tobytes() for weight in model.get_weights())


def test_a_model_trains_the_same_for_any_number_of_threads(digits: Data) -> None:
    results = set()
    for threads in (1, 2, 3, 8):
        pycnn.set_num_threads(threads)
        results.add(trained(digits, 4))
    assert len(results) == 1


def test_the_seed_decides_what_is_drawn(digits: Data) -> None:
    """The same weights at first, other pictures."""
    pycnn.set_random_seed(1)
    start = augmented_model().get_weights()
    losses = set()
    for seed in (1, 2, 3):
        pycnn.set_random_seed(seed)
        model = augmented_model()
        model.set_weights(start)
        history = model.fit(*digits, batch_size=320, shuffle=False, verbose=0).history
        losses.add(history["loss"][0])
    assert len(losses) == 3


def test_evaluation_and_prediction_see_the_pictures_as_they_are(digits: Data) -> None:
    model = augmented_model()
    plain = pycnn.Sequential(conv_layers())
    plain.set_weights(model.get_weights())
    plain.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    np.testing.assert_array_equal(
        model.predict(digits[0], verbose=0), plain.predict(digits[0], verbose=0)
    )
    assert model.evaluate(*digits, verbose=0) == plain.evaluate(*digits, verbose=0)


def test_it_is_saved_with_the_model(digits: Data, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = pycnn.Sequential(
        [
            pycnn.Input((28, 28, 1)),
            layers.Augmentation(
                (1, 2), 2, 30, True, 5.5, 0.25, 12.5, -3.25, name="vary"
            ),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(path)
    loaded = pycnn.load_model(path)
    assert loaded.get_layer("vary").get_config() == model.get_layer("vary").get_config()
    assert loaded.get_layer("vary").get_config() == {
        "shift": (1, 2),
        "padding": (2, 2),
        "crop": (30, 30),
        "horizontal_flip": True,
        "rotation": 5.5,
        "scale": (0.75, 1.25),
        "brightness": 12.5,
        "fill": -3.25,
        "name": "vary",
    }
    np.testing.assert_array_equal(
        loaded.predict(digits[0], verbose=0), model.predict(digits[0], verbose=0)
    )


def test_data_that_are_not_finite_are_blamed(digits: Data) -> None:
    x = digits[0].astype(np.float32)
    x[5, 14, 14] = np.nan
    model = augmented_model()
    with pytest.raises(FloatingPointError, match="the input data are not finite"):
        model.train_on_batch(x[:20], digits[1][:20])


def test_a_layer_called_twice_draws_twice() -> None:
    vary = layers.Augmentation(shift=2)
    picture = pycnn.Input((6, 6, 1))
    model = pycnn.Model(picture, [vary(picture), vary(picture)])
    x = np.random.default_rng(0).random((30, 6, 6, 1), np.float32)
    one, other = model._ready_network().predict([_core.Tensor(x)], 30, training=True)
    assert (one.numpy() != other.numpy()).any()


def test_analysis_sees_the_pictures_as_they_are(digits: Data) -> None:
    model = augmented_model()
    plain = pycnn.Sequential(conv_layers())
    plain.set_weights(model.get_weights())
    image = digits[0][:1, ..., None]
    np.testing.assert_array_equal(
        pycnn.analysis.saliency(model, image), pycnn.analysis.saliency(plain, image)
    )
    np.testing.assert_array_equal(
        pycnn.analysis.activation_maps(model, image, "augmentation"),
        pycnn.analysis.activation_maps(plain, image, "rescaling"),
    )


def test_summary_and_shapes() -> None:
    layer = layers.Augmentation(crop=(24, 20), name="vary", input_shape=(28, 28, 1))
    model = pycnn.Sequential([layer, layers.Flatten(), layers.Dense(2)])
    assert model.layers[0].name == "vary"
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "vary (Augmentation)" in text and "(None, 24, 20, 1)" in text
    assert model.count_params() == 24 * 20 * 2 + 2
    numbers = layers.Augmentation(np.int64(3), scale=np.float32(0.5), crop=np.array([3, 4]))
    assert (numbers.shift, numbers.scale, numbers.crop) == ((3, 3), (0.5, 1.5), (3, 4))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shift": 1.5}, TypeError, "shift must be an integer; received 1.5"),
        ({"shift": -1}, ValueError, "shift must be at least 0; received -1"),
        ({"padding": (1, 2, 3)}, ValueError, "padding must be an integer or a pair"),
        ({"crop": 0}, ValueError, "crop must be at least 1; received 0"),
        ({"rotation": "left"}, TypeError, "rotation must be a number; received 'left'"),
        ({"rotation": np.inf}, ValueError, "rotation must be finite; received inf"),
        ({"scale": 1.0}, ValueError, "scale must be a pair .low, high., or a number f from 0"),
        ({"scale": -0.1}, ValueError, "scale must be a pair .* received -0.1"),
        ({"scale": (0.5, 1, 2)}, ValueError, "scale must be a pair"),
        ({"scale": "big"}, TypeError, "scale must be a number; received 'big'"),
        ({"scale": (1, np.nan)}, ValueError, "scale must be finite; received nan"),
        ({"brightness": 1e300}, ValueError, "brightness is out of float32's range"),
        ({"fill": None}, TypeError, "fill must be a number; received None"),
    ],
    ids=str,
)
def test_bad_options_name_the_layer(options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=rf"^\[Augmentation 'vary'\] {message}"):
        layers.Augmentation(**options, name="vary")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": 28}, "can leave nothing of the picture: its 28x28 pixels .* shift 28x28"),
        ({"crop": 40}, "crop must be from 1x1 to the padded picture's 28x28; got 40x40"),
        ({"crop": 10, "padding": 10}, "can leave nothing .* window of 10x10 with padding 10x10"),
        ({"scale": (0.01, 1)}, "scale 0.01 makes the picture of 28x28 smaller than a pixel"),
        ({"scale": (-1, 1)}, "scale must be two finite numbers above 0"),
        ({"rotation": -5}, "rotation must be from 0 to 180 degrees; got -5"),
        ({"brightness": -1}, "brightness must be finite and not negative"),
        ({"padding": 4}, "without crop use shift"),
    ],
    ids=str,
)
def test_what_would_empty_the_picture_is_refused_when_the_model_is_built(
    options: dict[str, Any], message: str
) -> None:
    layer = layers.Augmentation(**options, name="vary")
    with pytest.raises(ValueError, match=rf"^\[Augmentation 'vary'\] .*{message}"):
        pycnn.Sequential([pycnn.Input((28, 28, 1)), layer])
    model = pycnn.Sequential([pycnn.Input((28, 28, 1))])
    with pytest.raises(ValueError, match=r"^\[Augmentation 'vary'\]"):
        model.add(layer)
    assert model.layers == []


def test_the_input_must_be_a_picture() -> None:
    message = r"\[Augmentation 'vary'\] expected input of rank 4 .* shape \(None, 784\)"
    with pytest.raises(ValueError, match=message):
        pycnn.Sequential([pycnn.Input((784,)), layers.Augmentation(1, name="vary")])


def test_it_helps_where_the_test_pictures_are_shifted(digits: Data) -> None:
    """Digits that are moved are read better after shifts in training."""
    x, y = digits
    moved = pycnn.ops.augment(x[..., None], shift=4, seed=99)
    accuracies = []
    for shift in (0, 4):
        pycnn.set_random_seed(0)
        first, *others = conv_layers()
        model = pycnn.Sequential([first, layers.Augmentation(shift), *others])
        model.compile(pycnn.optimizers.Adam(0.003), "sparse_categorical_crossentropy", ["accuracy"])
        model.fit(x, y, batch_size=32, epochs=15, verbose=0)
        accuracies.append(model.evaluate(moved, y, verbose=0)[1])
    assert accuracies[1] > accuracies[0] + 0.1
