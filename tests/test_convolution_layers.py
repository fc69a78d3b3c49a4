"""Dilated, grouped and depthwise convolution as layers of a model."""

from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import _core, layers, ops


def describe(*stack: layers.Layer, shape: tuple[int, ...]) -> list[_core.NodeInfo]:
    graph = _core.Graph(shape)
    value = graph.input
    for layer in stack:
        value = layer._add_to(graph, value)
    return graph.nodes


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-3, 4, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "output", "kernel", "field", "multiply_adds"),
    [
        # 5x5 seen by 9 taps; 36 places, 6 filters of 3x3x4
        (layers.Conv2D(6, 3, dilation_rate=2), (6, 6, 6), (3, 3, 4, 6), (5, 5), 36 * 6 * 36),
        # half of the channels each: half the weights, half the work
        (layers.Conv2D(6, 3, groups=2), (8, 8, 6), (3, 3, 2, 6), (3, 3), 64 * 6 * 18),
        (
            layers.Conv2D(8, (2, 3), padding="same", dilation_rate=(3, 1), groups=4),
            (10, 10, 8),
            (2, 3, 1, 8),
            (4, 3),
            100 * 8 * 6,
        ),
        (layers.DepthwiseConv2D(3), (8, 8, 4), (3, 3, 4, 1), (3, 3), 64 * 4 * 9),
        (
            layers.DepthwiseConv2D((3, 1), depth_multiplier=2, dilation_rate=4, use_bias=False),
            (2, 10, 8),
            (3, 1, 4, 2),
            (9, 1),
            20 * 8 * 3,
        ),
    ],
)
def test_shapes_parameters_and_work(
    layer: Any,
    output: tuple[int, ...],
    kernel: tuple[int, ...],
    field: tuple[int, int],
    multiply_adds: int,
) -> None:
    (node,) = describe(layer, shape=(10, 10, 4))
    assert node.output_shape == output
    assert node.parameter_count == np.prod(kernel) + (output[2] if layer.use_bias else 0)
    assert node.receptive_field == field
    assert node.multiply_adds == multiply_adds
    model = pycnn.Sequential(
        [pycnn.Input((10, 10, 4)), type(layer).from_config(layer.get_config())]
    )
    assert model.get_weights()[0].shape == kernel


def test_dilation_spreads_the_receptive_field() -> None:
    """3x3 kernels at dilation 1, 2, 4, 8: the field doubles while the weights stay 9 (Yu 2016)."""
    stack = [layers.Conv2D(1, 3, padding="same", dilation_rate=d) for d in (1, 2, 4, 8)]
    fields = [node.receptive_field for node in describe(*stack, shape=(64, 64, 1))]
    assert fields == [(3, 3), (7, 7), (15, 15), (31, 31)]


def test_a_depthwise_separable_convolution_saves_work() -> None:
    """1 / filters + 1 / 9 of the multiply-adds of the full 3x3 convolution (Howard 2017)."""
    (full,) = describe(layers.Conv2D(64, 3, padding="same"), shape=(14, 14, 32))
    parts = describe(
        layers.DepthwiseConv2D(3, padding="same"), layers.Conv2D(64, 1), shape=(14, 14, 32)
    )
    saved = sum(part.multiply_adds for part in parts) / full.multiply_adds
    assert saved == pytest.approx(1 / 64 + 1 / 9)


@pytest.mark.parametrize(
    ("layer", "function", "options"),
    [
        (
            layers.Conv2D(6, 3, padding="same", dilation_rate=(2, 1), groups=2, activation="relu"),
            ops.conv2d,
            {"padding": "same", "dilation": (2, 1), "groups": 2},
        ),
        (
            layers.DepthwiseConv2D(3, 2, "same", 3, activation="relu"),
            ops.depthwise_conv2d,
            {"padding": "same", "strides": 2},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_saved_model_computes_the_same(
    layer: layers.Layer, function: Any, options: dict[str, Any], tmp_path: Any
) -> None:
    model = pycnn.Sequential([pycnn.Input((7, 6, 4)), layer])
    model.set_weights([draw(*weight.shape) for weight in model.get_weights()])
    x = draw(17, 7, 6, 4)
    wanted = ops.relu(function(x, *model.get_weights(), **options))
    np.testing.assert_array_equal(model.predict(x), wanted)
    model.save(tmp_path / "model.safetensors")
    loaded = pycnn.load_model(tmp_path / "model.safetensors")
    assert loaded.layers[0].get_config() == layer.get_config()
    np.testing.assert_array_equal(loaded.predict(x), wanted)


def test_fans_are_counted_by_group() -> None:
    """He's limit sqrt(6 / fan in) with 3 * 3 * 8 / 4 inputs to each output."""
    model = pycnn.Sequential(
        [pycnn.Input((5, 5, 8)), layers.Conv2D(64, 3, groups=4, kernel_initializer="he_uniform")]
    )
    largest = np.abs(model.get_weights()[0]).max()
    assert 0.98 * np.sqrt(6 / 18) < largest <= np.sqrt(6 / 18)


def test_a_penalty_on_the_depthwise_kernel() -> None:
    layer = layers.DepthwiseConv2D(1, use_bias=False, depthwise_regularizer="l2")
    model = pycnn.Sequential([pycnn.Input((2, 2, 3)), layer, layers.Flatten()])
    model.set_weights([np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)])
    model.compile("sgd", "mean_squared_error")
    x = np.zeros((4, 2, 2, 3), np.float32)
    assert model.train_on_batch(x, np.zeros((4, 12))) == pytest.approx(0.01 * 14)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_training_is_the_same_for_any_number_of_threads(threads: int) -> None:
    x, y = draw(70, 9, 9, 4) / 3, np.arange(70) % 3

    def trained(count: int) -> list[np.ndarray]:
        pycnn.set_num_threads(count)
        pycnn.set_random_seed(5)
        model = pycnn.Sequential(
            [
                pycnn.Input((9, 9, 4)),
                layers.Conv2D(6, 3, padding="same", dilation_rate=2, groups=2, activation="relu"),
                layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(4, 3, dilation_rate=(1, 1), groups=4, activation="relu"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=64, epochs=2, verbose=0)
        return model.get_weights()

    for got, want in zip(trained(threads), trained(1), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Conv2D(4, 3, groups=0), r"groups must be at least 1; received 0"),
        (lambda: layers.Conv2D(4, 3, groups=3), r"groups must divide filters; received 3 groups"),
        (lambda: layers.Conv2D(4, 3, dilation_rate=0), r"dilation_rate must be at least 1"),
        (
            lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=(1, 2), name="c1"),
            r"^\[Conv2D 'c1'\] strides above 1 .* received strides \(2, 2\) and .* \(1, 2\)",
        ),
        (
            lambda: layers.DepthwiseConv2D(3, strides=2, dilation_rate=2, name="d1"),
            r"^\[DepthwiseConv2D 'd1'\] strides above 1",
        ),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), r"depth_multiplier must be at"),
    ],
)
def test_options_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            layers.Conv2D(4, 3, groups=2, name="c1"),
            r"^\[Conv2D 'c1'\] groups must divide the input channels and the filters; got 2 groups "
            r"for 3 input channels and 4 filters; received input shape \(None, 6, 6, 3\)$",
        ),
        (
            layers.Conv2D(4, 3, dilation_rate=3, name="c2"),
            r"^\[Conv2D 'c2'\] kernel 3x3 with dilation 3x3, extent 7x7 does not fit input 6x6 "
            r"with padding 'valid'; received input shape \(None, 6, 6, 3\)$",
        ),
        (
            layers.DepthwiseConv2D(7, name="d1"),
            r"^\[DepthwiseConv2D 'd1'\] kernel 7x7 does not fit input 6x6",
        ),
        (
            layers.DepthwiseConv2D(1, depth_multiplier=2**30, name="d2"),
            r"^\[DepthwiseConv2D 'd2'\] .*2\^31",
        ),
    ],
)
def test_what_does_not_fit_names_the_layer(layer: layers.Layer, message: str) -> None:
    model = pycnn.Sequential([pycnn.Input((6, 6, 3))])
    with pytest.raises(ValueError, match=message):
        model.add(layer)
    assert model.layers == []


@pytest.mark.parametrize("padding", [None, 1.5, True, b"same", {}])
def test_padding_of_another_kind_is_a_type_error(padding: Any) -> None:
    for make in (
        lambda: layers.Conv2D(1, 3, padding=padding),
        lambda: layers.DepthwiseConv2D(3, padding=padding),
    ):
        with pytest.raises(TypeError, match="padding must be 'valid', 'same', an integer"):
            make()


def test_padding_may_be_numpys() -> None:
    assert layers.Conv2D(1, 3, padding=np.int64(2)).padding == ((2, 2), (2, 2))
    assert layers.Conv2D(1, 3, padding=np.array([1, 2])).padding == ((1, 1), (2, 2))
