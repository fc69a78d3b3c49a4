"""Sizes, costs, and what goes on inside a network, against numbers worked out another way."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import pycnn
from pycnn import analysis, layers, models, ops


def images(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def classifier(activation: str | None = "softmax") -> pycnn.Model:
    """Two maps, a branch around one of them, three classes."""
    x = pycnn.Input((8, 7, 2))
    y = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    z = layers.Conv2D(4, 3, padding="same", name="second")(y)
    y = layers.MaxPooling2D(2, name="pool")(layers.add([y, z]))
    y = layers.Dense(3, activation=activation, name="head")(layers.Flatten()(y))
    return pycnn.Model(x, y)


@pytest.mark.parametrize(
    ("given", "size"),
    [((7, 3), 5), ((7, 3, 2), 3), ((7, 3, 3), 2), ((32, 5, 1, 2), 32), ((32, 5), 28)],
)
def test_output_sizes_of_the_lectures(given: tuple[int, ...], size: int) -> None:
    assert analysis.output_size(*given) == size


def test_what_does_not_fit_is_an_error_on_request() -> None:
    with pytest.raises(ValueError, match=r"does not fit: .* 2\.33"):
        analysis.output_size(7, 3, 3, exact=True)
    assert analysis.output_size(7, 3, 2, exact=True) == 3
    with pytest.raises(ValueError, match="larger"):
        analysis.output_size(4, 5)
    with pytest.raises(ValueError, match="stride"):
        analysis.output_size(4, 3, 0)


@pytest.mark.parametrize("n", [5, 7, 8, 11])
@pytest.mark.parametrize("f", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_sizes_and_unseen_pixels_by_counting(n: int, f: int, stride: int, padding: int) -> None:
    starts = [at for at in range(-padding, n + padding, stride) if at + f <= n + padding]
    assert analysis.output_size(n, f, stride, padding) == len(starts)
    assert analysis.unseen(n, f, stride, padding) == max(n - (starts[-1] + f), 0)


def summary(model: pycnn.Model) -> list[str]:
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return [line for line in lines if line.startswith("Unseen")]


def test_summary_names_what_a_stride_leaves_unseen() -> None:
    start = pycnn.Input((13, 7, 1))
    conv = layers.Conv2D(2, 3, 3, name="conv")
    same = layers.Conv2D(2, 3, 2, padding="same", name="same")
    assert summary(pycnn.Sequential([start, conv, same])) == [
        "Unseen: conv leaves 1 row and 1 column at the end of its 13 x 7 input"
    ]
    inner = pycnn.Sequential([layers.AveragePooling2D(2, name="mean")], name="inner")
    assert summary(pycnn.Sequential([pycnn.Input((13, 7, 1)), inner])) == [
        "Unseen: inner/mean leaves 1 row and 1 column at the end of its 13 x 7 input"
    ]
    pool = layers.MaxPooling2D((2, 3), name="pool")
    assert summary(pycnn.Sequential([pycnn.Input((4, 8, 1)), pool])) == [
        "Unseen: pool leaves 2 columns at the end of its 4 x 8 input"
    ]
    assert summary(models.lenet5()) == []


def test_unseen_pixels_have_no_gradient() -> None:
    chain = [layers.Conv2D(2, 3, 3, input_shape=(7, 8, 1)), layers.Flatten(), layers.Dense(2)]
    found = analysis.saliency(pycnn.Sequential(chain), images((1, 7, 8, 1)))
    assert (found[0, :6, :6] > 0).all()
    assert not found[0, 6:].any() and not found[0, :, 6:].any()


def test_costs_of_lenet5() -> None:
    model = models.lenet5()
    assert analysis.parameters(model) == 61_706
    assert analysis.multiply_adds(model) == 117_600 + 240_000 + 48_000 + 10_080 + 840
    normalized = pycnn.Sequential([layers.BatchNormalization(input_shape=(4, 4, 3))])
    assert analysis.parameters(normalized) == 12
    assert analysis.parameters(normalized, trainable_only=True) == 6


def test_receptive_fields_through_a_graph() -> None:
    model = classifier()
    names = ["first", "second", "add", "pool"]
    assert [analysis.receptive_field(model, name) for name in names] == [
        (3, 3),
        (5, 5),
        (5, 5),
        (6, 6),
    ]
    assert analysis.receptive_field(model) == analysis.receptive_field(model, "head") == (8, 7)
    assert analysis.receptive_field(model, model.get_layer("second")) == (5, 5)
    with pytest.raises(ValueError, match="no layer 'nobody'"):
        analysis.receptive_field(model, "nobody")
    with pytest.raises(ValueError, match="does not have"):
        analysis.receptive_field(model, layers.Dense(3))


@pytest.mark.parametrize(
    ("strides", "padding"),
    [(1, "valid"), (1, "same"), (2, "same"), ((2, 3), "valid"), ((1, 2), ((1, 0), (2, 3))), (3, 1)],
)
def test_a_convolution_is_a_matrix(strides: Any, padding: Any) -> None:
    x, kernel = images((2, 6, 7, 2)), images((3, 2, 2, 4), 1)
    matrix = analysis.conv2d_matrix(kernel, (6, 7, 2), strides, padding)
    sides = ((padding, padding),) * 2 if isinstance(padding, int) else padding
    expected = ops.conv2d(x, kernel, strides=strides, padding=sides)
    assert matrix.shape == (expected[0].size, 6 * 7 * 2)
    for image, wanted in zip(x, expected, strict=True):
        assert_allclose(matrix @ image.ravel(), wanted.ravel(), rtol=1e-4, atol=1e-5)
    assert (np.count_nonzero(matrix, axis=1) <= kernel[..., 0].size).all()


def test_a_matrix_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="smaller image"):
        analysis.conv2d_matrix(np.ones((3, 3, 3, 64)), (224, 224, 3))
    with pytest.raises(ValueError, match="expects an image"):
        analysis.conv2d_matrix(np.ones((3, 3, 3, 4)), (8, 8, 1))
    with pytest.raises(ValueError, match="larger"):
        analysis.conv2d_matrix(np.ones((3, 3, 1, 4)), (8, 2, 1))


def test_activation_maps_are_what_the_layers_give() -> None:
    model, x = classifier(), images((3, 8, 7, 2))
    kernel, bias = model.get_layer("first").get_weights()
    first = ops.relu(ops.conv2d(x, kernel, bias, padding="same"))
    before = model.get_weights()
    found, head = analysis.activation_maps(model, x, ["first", -1])
    assert_allclose(found, first, rtol=1e-6, atol=1e-6)
    assert_array_equal(head, model.predict(x, verbose=0))
    assert_array_equal(analysis.activation_maps(model, x, model.get_layer("first")), found)
    assert all((a == b).all() for a, b in zip(model.get_weights(), before, strict=True))


def test_activation_maps_follow_the_training() -> None:
    model, x = classifier(), images((4, 8, 7, 2))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = analysis.activation_maps(model, x, "head")
    model.fit(x, [0, 1, 2, 0], verbose=0)
    after = analysis.activation_maps(model, x, "head")
    assert (before != after).any()
    assert_array_equal(after, model.predict(x, verbose=0))


def test_saliency_by_differences() -> None:
    """Smooth but for the pooling, whose windows the step does not change."""
    chain: list[Any] = [pycnn.Input((5, 4, 2)), layers.Conv2D(3, 3, activation="tanh")]
    chain += [layers.Flatten(), layers.Dense(3, activation="softmax", name="head")]
    model, x = pycnn.Sequential(chain), images((2, 5, 4, 2))
    # The same without softmax.
    kernel, bias = model.get_layer("head").get_weights()

    def scores(batch: np.ndarray) -> np.ndarray:
        flat = analysis.activation_maps(model, batch, "flatten").astype("f8")
        return flat @ kernel + bias

    found = analysis.saliency(model, x, [2, 0])
    step = 1e-2
    for number, label in enumerate([2, 0]):
        moved = np.repeat(x[[number]], 40, axis=0).reshape(40, 40)
        upper, lower = ((moved + s * np.eye(40)).reshape(-1, 5, 4, 2) for s in (step, -step))
        slope = (scores(upper) - scores(lower))[:, label].reshape(5, 4, 2) / (2 * step)
        assert_allclose(found[number], np.abs(slope).max(axis=2), rtol=2e-3, atol=2e-4)
    assert_array_equal(
        analysis.saliency(model, x),
        analysis.saliency(model, x, model.predict(x, verbose=0).argmax(axis=1)),
    )


def test_saliency_before_an_activation_layer_is_that_of_the_scores() -> None:
    model, x = classifier(None), images((2, 8, 7, 2))
    wanted = analysis.saliency(model, x, 1)
    outputs = layers.Softmax()(model.output)
    assert_array_equal(analysis.saliency(pycnn.Model(model.input, outputs), x, 1), wanted)
    head = layers.Dense(3, activation="softmax", name="head")
    y = head(model.get_layer("flatten").output)
    inside = pycnn.Model(model.input, y)
    head.set_weights(model.get_layer("head").get_weights())
    assert_array_equal(analysis.saliency(inside, x, 1), wanted)


def test_many_images_are_taken_in_parts() -> None:
    model, x = classifier(), images((70, 8, 7, 2))
    classes = np.arange(70) % 3
    found = analysis.saliency(model, x, classes)
    assert_array_equal(found[65:], analysis.saliency(model, x[65:], classes[65:]))


def test_saliency_refuses_what_it_cannot_do() -> None:
    model, x = classifier(), images((2, 8, 7, 2))
    for classes in (3, [0], [0, -1]):
        with pytest.raises(ValueError, match="classes"):
            analysis.saliency(model, x, classes)
    maps = pycnn.Sequential([layers.Conv2D(2, 3, input_shape=(8, 7, 2))])
    with pytest.raises(ValueError, match="one score per class"):
        analysis.saliency(maps, x)
    two = [pycnn.Input((3,)), pycnn.Input((3,))]
    with pytest.raises(ValueError, match="2 inputs"):
        analysis.saliency(pycnn.Model(two, layers.add(two)), x)


def test_a_maximal_input_is_the_best_corner_for_a_linear_neuron() -> None:
    model = pycnn.Sequential([layers.Flatten(input_shape=(4, 4)), layers.Dense(3)])
    best = analysis.maximal_input(model, "dense", 1, steps=400, rate=0.05, limits=(-1, 2))
    weights = model.get_weights()[0][:, 1].reshape(4, 4)
    assert_array_equal(best, np.where(weights > 0, 2, -1))


@pytest.mark.parametrize(("layer", "place"), [("second", 2), ("second", (3, 3, 1)), ("head", 0)])
def test_a_maximal_input_excites_its_neuron(layer: str, place: Any) -> None:
    model = classifier(None)

    def response(steps: int, seed: int = 3) -> float:
        image = analysis.maximal_input(model, layer, place, steps, seed=seed)
        assert image.shape == (8, 7, 2) and image.min() >= 0 and image.max() <= 255
        maps = analysis.activation_maps(model, image[np.newaxis], layer)[0]
        return float(maps[place] if isinstance(place, tuple) else maps[..., place].mean())

    assert response(30) > 2 * abs(response(0))
    assert response(5) == response(5)
    assert response(5) != response(5, seed=4)


def test_a_neuron_changes_only_the_pixels_it_sees() -> None:
    model = classifier()
    start, end = (analysis.maximal_input(model, "second", (1, 1, 0), steps) for steps in (0, 5))
    changed = (start != end).any(axis=2)
    assert changed[:4, :4].any() and not changed[4:].any() and not changed[:, 4:].any()


def test_decay_and_blur_calm_a_maximal_input() -> None:
    model = classifier()
    rough, calm, dark = (
        analysis.maximal_input(model, "head", 0, 30, **options)
        for options in ({}, {"blur": 0.5}, {"decay": 0.1})
    )
    assert np.abs(np.diff(calm, axis=0)).mean() < 0.5 * np.abs(np.diff(rough, axis=0)).mean()
    assert dark.mean() < rough.mean()


def test_maximal_input_refuses_what_does_not_exist() -> None:
    model = classifier()
    bad: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("head", 3), {}),
        (("second", 4), {}),
        (("second", (8, 0, 0)), {}),
        (("second", (0, 0)), {}),
        (("head", -1), {}),
        (("head", 0), {"limits": (1, 1)}),
        (("head", 0), {"blur": 2}),
        (("head", 0), {"decay": -1}),
        (("head", 0, -1), {}),
    ]
    for arguments, options in bad:
        with pytest.raises(ValueError):
            analysis.maximal_input(model, *arguments, **options)
