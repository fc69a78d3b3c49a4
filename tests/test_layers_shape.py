"""Layers that change shapes, pool over the image or normalize: options, shapes, saving."""

from pathlib import Path

import numpy as np
import pytest
import reference

import pycnn
from pycnn import layers


def model() -> pycnn.Sequential:
    """Each of these layers once, in a model that can learn `digits`."""
    return pycnn.Sequential(
        [
            pycnn.Input((28, 28)),
            layers.Reshape((28, -1, 1)),
            layers.Permute((2, 1, 3)),
            layers.Rescaling(1 / 255),
            layers.ZeroPadding2D(((2, 2), (1, 3))),
            layers.Conv2D(8, 5, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(24, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9, scale=False),
            layers.ReLU(),
            layers.GlobalMaxPooling2D(keepdims=True),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    ("layer", "shape", "result"),
    [
        (layers.GlobalAveragePooling2D(), (5, 4, 3), (3,)),
        (layers.GlobalAveragePooling2D(keepdims=True), (5, 4, 3), (1, 1, 3)),
        (layers.GlobalMaxPooling2D(), (5, 4, 3), (3,)),
        (layers.GlobalMaxPooling2D(keepdims=True), (5, 4, 3), (1, 1, 3)),
        (layers.ZeroPadding2D(), (5, 4, 3), (7, 6, 3)),
        (layers.ZeroPadding2D(2), (5, 4, 3), (9, 8, 3)),
        (layers.ZeroPadding2D((0, 3)), (5, 4, 3), (5, 10, 3)),
        (layers.ZeroPadding2D(((1, 0), (2, 3))), (5, 4, 3), (6, 9, 3)),
        (layers.Reshape((6, -1)), (5, 4, 3), (6, 10)),
        (layers.Reshape((60,)), (5, 4, 3), (60,)),
        (layers.Permute((3, 1, 2)), (5, 4, 3), (3, 5, 4)),
        (layers.BatchNormalization(), (5, 4, 3), (5, 4, 3)),
        (layers.BatchNormalization(), (7,), (7,)),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_shapes_and_config(
    layer: layers.Layer, shape: tuple[int, ...], result: tuple[int, ...]
) -> None:
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert pycnn.Sequential([pycnn.Input(shape), copy]).output_shape == (None, *result)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.ZeroPadding2D(-1), "padding must be at least 0; received -1"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), r"received \(1, 2, 3\)"),
        (lambda: layers.ZeroPadding2D("same"), "padding must be an integer.*received 'same'"),
        (lambda: layers.Reshape((-1, -1)), r"one -1; received \(-1, -1\)"),
        (lambda: layers.Reshape(()), r"received \(\)"),
        (lambda: layers.Reshape((0, 3)), r"received \(0, 3\)"),
        (lambda: layers.Reshape((-2, 3)), "received -2"),
        (lambda: layers.Permute((0, 1)), "received 0"),
        (lambda: layers.Permute((1, 3)), r"received \(1, 3\)"),
        (lambda: layers.Permute((1, 1)), r"received \(1, 1\)"),
        (lambda: layers.BatchNormalization(axis=1), "axis must be -1, .*received 1"),
        (lambda: layers.BatchNormalization(momentum=1.1), r"momentum .*\[0, 1\]; received 1.1"),
        (lambda: layers.BatchNormalization(epsilon=0), "epsilon must be positive; received 0"),
        (
            lambda: layers.BatchNormalization(gamma_initializer="won"),
            "initializer 'won'; did you mean 'ones'",
        ),
    ],
)
def test_options_out_of_range(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("layer", [layers.Reshape, layers.Permute], ids=lambda cls: cls.__name__)
def test_sizes_that_are_no_integers(layer: type[layers.Layer]) -> None:
    for wrong in (3, "12", (1.5, 2)):
        with pytest.raises(TypeError, match="received"):
            layer(wrong)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Reshape((7, -1), name="r"), (5, 4, 3), r"\[Reshape 'r'\] .*60 elements"),
        (layers.Permute((2, 1), name="p"), (5, 4, 3), r"\[Permute 'p'\] dims .*1 to 3"),
        (layers.ZeroPadding2D(name="z"), (5,), r"\[ZeroPadding2D 'z'\] .*rank 4"),
        (layers.GlobalMaxPooling2D(name="g"), (5, 3), r"\[GlobalMaxPooling2D 'g'\] .*rank 4"),
        (layers.GlobalAveragePooling2D(name="g"), (5,), r"\[GlobalAveragePooling2D 'g'\]"),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_layer_that_does_not_fit_names_itself(
    layer: layers.Layer, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pycnn.Sequential([pycnn.Input(shape), layer])


def test_weights_of_batch_normalization_are_in_kerass_order() -> None:
    norm = layers.BatchNormalization(
        beta_initializer="ones",
        gamma_initializer="zeros",
        moving_mean_initializer="ones",
        moving_variance_initializer="zeros",
    )
    weights = pycnn.Sequential([pycnn.Input((3,)), norm]).get_weights()
    assert [weight.tolist() for weight in weights] == [[0] * 3, [1] * 3, [1] * 3, [0] * 3]
    default = pycnn.Sequential([pycnn.Input((3,)), layers.BatchNormalization()]).get_weights()
    assert [weight.tolist() for weight in default] == [[1] * 3, [0] * 3, [0] * 3, [1] * 3]


def test_global_pooling_sees_the_whole_image() -> None:
    graph = pycnn._core.Graph((9, 7, 2))
    value = graph.conv2d(graph.input, filters=1, kernel_size=(3, 3), strides=(2, 2))
    graph.global_avg_pool2d(graph.global_max_pool2d(value, keepdims=True))
    assert [node.receptive_field for node in graph.nodes] == [(3, 3), (9, 7), (9, 7)]


def test_a_model_of_them_learns_saves_and_loads(
    digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    x, y = digits
    net = model()
    optimizer = pycnn.optimizers.SGD(0.1, momentum=0.9)
    net.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    history = net.fit(x, y, batch_size=33, epochs=20, verbose=0).history
    assert history["accuracy"][-1] > 0.9
    assert net.evaluate(x, y, verbose=0)[1] > 0.8  # by the moving statistics
    net.save(tmp_path / "net.safetensors")
    loaded = pycnn.load_model(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), net.predict(x, verbose=0))


def test_the_model_computes_what_the_reference_does(
    digits: tuple[np.ndarray, np.ndarray],
) -> None:
    x = digits[0][:17]
    net = model()
    kernel1, gamma1, beta1, mean1, variance1, *rest = net.get_weights()
    kernel2, beta2, mean2, variance2, kernel3, bias3 = rest
    z = reference.zero_pad2d(x.transpose(0, 2, 1)[..., None] / 255, ((2, 2), (1, 3)))
    z = reference.conv2d(z, kernel1, strides=2)
    z = reference.relu(reference.batch_normalization(z, gamma1, beta1, mean1, variance1))
    z = reference.conv2d(z, kernel2)
    z = reference.relu(reference.batch_normalization(z, None, beta2, mean2, variance2))
    z = reference.softmax(reference.dense(reference.global_max_pool2d(z), kernel3, bias3))
    np.testing.assert_allclose(net.predict(x, verbose=0), z, rtol=1e-4, atol=1e-6)
