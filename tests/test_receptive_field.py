"""Receptive fields against what gradients show: never too small, and exact for windows and sums."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pycnn
from pycnn import analysis, layers

Tensor = pycnn.layers.symbolic.SymbolicTensor


def positive(model: pycnn.Model) -> pycnn.Model:
    """With weights that let no two paths cancel each other."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.0, weight.shape) for weight in model.get_weights()])
    return model


def seen(model: pycnn.Model, places: list[tuple[int, ...]] | None = None) -> tuple[int, int]:
    """Rows and columns of the input from the first to the last on which a place depends; the most
    of all places. A place has all channels, or is one number."""
    shape = model.output_shape[1:]
    grid = shape[:-1] if len(shape) >= 3 else shape
    chosen = list(np.ndindex(*grid)) if places is None else places
    rng = np.random.default_rng(0)
    dy = np.zeros((len(chosen), *shape), np.float32)
    for number, place in enumerate(chosen):
        dy[(number, *place)] = rng.uniform(0.5, 1.0, dy[(number, *place)].shape)
    image = rng.uniform(0.5, 1.0, model.input_shape[1:])
    x = np.repeat(image[np.newaxis], len(chosen), axis=0).astype(np.float32)
    network = model._ready_network()
    (dx,), _ = network.backward([pycnn.Tensor(x)], [pycnn.Tensor(dy)])
    found = (dx.numpy() != 0).reshape(len(chosen), *(*model.input_shape[1:3], 1)[:2], -1).any(-1)
    return extent(found.any(2)), extent(found.any(1))


def extent(lines: np.ndarray) -> int:
    """The most that any row of `lines` has from its first to its last True."""
    ends = [np.flatnonzero(line) for line in lines]
    return max((int(at[-1] - at[0]) + 1 for at in ends if len(at)), default=0)


def conv(x: Tensor, size: Any = 3, **options: Any) -> Tensor:
    return layers.Conv2D(2, size, **options)(x)


def concatenated(axis: int, *tensors: Tensor) -> Tensor:
    return layers.Concatenate(axis=axis)(list(tensors))


def uncut(x: Tensor) -> Tensor:
    """Two rows and columns less, from the middle."""
    return layers.Augmentation(crop=(11, 13))(x)


# Of an image of 13 x 15; each value is exact.
EXACT: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, int]]] = {
    "height and width exchanged": (
        lambda x: conv(layers.Permute((2, 1, 3))(conv(x, (3, 1))), (5, 1)),
        (3, 5),
    ),
    "a sum of offset windows": (
        lambda x: layers.add([conv(x, padding=(side, side)) for side in ((2, 0), (0, 2))]),
        (5, 5),
    ),
    "channels of offset windows": (
        lambda x: concatenated(
            -1, conv(x, padding=((2, 0), (0, 0))), conv(x, padding=((0, 2), (0, 0)))
        ),
        (5, 3),
    ),
    "a sum of offset paddings": (
        lambda x: layers.add(
            [layers.ZeroPadding2D(((4, 0), (0, 1)))(x), layers.ZeroPadding2D(((0, 4), (1, 0)))(x)]
        ),
        (5, 2),
    ),
    "a sum with the middle": (
        lambda x: layers.add([conv(x), conv(uncut(x), padding="same")]),
        (3, 3),
    ),
    "strided branches": (
        lambda x: layers.add([conv(x, strides=2, padding="same"), conv(x, 1, strides=2)]),
        (3, 3),
    ),
    "a stride before": (lambda x: conv(layers.AveragePooling2D(2)(x)), (6, 6)),
    "one row behind another": (lambda x: concatenated(1, x, conv(x, padding="same")), (3, 3)),
    "windows over two images": (lambda x: conv(concatenated(1, x, x)), (13, 3)),
    "pixels in a row": (lambda x: layers.Flatten()(conv(x)), (3, 3)),
    "a reshape that changes nothing": (lambda x: conv(layers.Reshape((13, 15, 2))(x)), (3, 3)),
    "height among the channels": (lambda x: layers.Permute((2, 3, 1))(x), (13, 1)),
    "and back": (lambda x: layers.Permute((3, 1, 2))(layers.Permute((2, 3, 1))(x)), (1, 1)),
    "all pixels among the channels": (
        lambda x: layers.Permute((2, 3, 1))(layers.Reshape((390, 1, 1))(x)),
        (13, 15),
    ),
    "neighbours among channels": (
        lambda x: layers.LocalResponseNormalization(n=99)(layers.Permute((2, 3, 1))(x)),
        (13, 1),
    ),
    "one by one": (lambda x: layers.BatchNormalization()(layers.ELU()(x)), (1, 1)),
    "a dense layer": (lambda x: layers.Dense(2)(layers.Flatten()(conv(x))), (13, 15)),
    "an unseen end": (lambda x: layers.Dense(2)(layers.Flatten()(conv(x, 3, strides=4))), (11, 15)),
    "global pooling": (lambda x: layers.GlobalAveragePooling2D()(conv(x, strides=2)), (13, 15)),
    "global pooling of a swap": (
        lambda x: layers.GlobalAveragePooling2D()(layers.Permute((1, 3, 2))(x)),
        (13, 1),
    ),
    "behind global pooling": (
        lambda x: layers.Dense(2)(layers.GlobalAveragePooling2D()(conv(x))),
        (13, 15),
    ),
    "a softmax of all pixels": (lambda x: layers.Softmax()(layers.Flatten()(x)), (13, 15)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_fields(name: str) -> None:
    build, field = EXACT[name]
    x = pycnn.Input((13, 15, 2))
    model = positive(pycnn.Model(x, build(x)))
    assert analysis.receptive_field(model) == field
    assert seen(model) == field


def test_where_places_do_not_lie_as_the_pixels_do_all_are_counted() -> None:
    """Ten numbers are five pixels of a row; how the three places lie in it is not followed."""
    x = pycnn.Input((13, 15, 2))
    model = positive(pycnn.Model(x, conv(layers.Reshape((13, 3, 10))(x), (3, 1))))
    assert analysis.receptive_field(model) == (3, 15)
    assert seen(model) == (3, 5)


def test_of_several_inputs_the_most_seen_counts() -> None:
    a, b = pycnn.Input((9, 9, 1)), pycnn.Input((7, 7, 1))
    both = layers.add([layers.Conv2D(1, 5)(a), layers.Conv2D(1, 3, name="small")(b)])
    model = pycnn.Model([a, b], layers.Conv2D(1, 2)(both))
    assert analysis.receptive_field(model) == (6, 6)
    assert analysis.receptive_field(model, "small") == (3, 3)


def test_each_output_of_a_nested_model_has_a_field_of_its_own() -> None:
    x, y = pycnn.Input((9, 9, 1)), pycnn.Input((9, 9, 1))
    inner = pycnn.Model(x, [layers.Conv2D(1, 3)(x), layers.Conv2D(1, 5)(x)], name="inner")
    first, second = inner(y)
    model = pycnn.Model(y, [layers.ReLU(name="a")(first), layers.ReLU(name="b")(second)])
    assert analysis.receptive_field(model, "a") == (3, 3)
    assert analysis.receptive_field(model, "b") == (5, 5)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert next(line for line in lines if line.startswith("inner")).count("5 x 5") == 1


def test_a_window_knows_no_border_but_reading_all_places_does() -> None:
    """ResNet-18 by hand: 7x7, pooling 3x3, then 16 of 3x3; three stages begin with stride 2."""
    model = pycnn.models.resnet18()
    last = [layer for layer in model.layers if type(layer).__name__ == "Add"][-1]
    field, step = 1 + 6 + 2 * 2, 4
    for stage in range(4):
        for number in range(4):
            field += 2 * step
            step *= 2 if stage and not number else 1
    assert analysis.receptive_field(model, last) == (field, field) == (435, 435)
    assert analysis.receptive_field(model, "average") == (224, 224)
    assert analysis.receptive_field(model, "predictions") == (224, 224)


# Random graphs --------------------------------------------------------------------------------

SIDES = st.integers(0, 2)
PADDINGS = st.one_of(st.sampled_from(["valid", "same"]), st.tuples(*[st.tuples(SIDES, SIDES)] * 2))
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3))


def window(draw: Any, x: Tensor) -> Tensor:
    kind = draw(st.sampled_from(["conv", "dilated", "depthwise", "mean"]))
    size, strides = draw(SIZES), draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    if kind == "dilated":
        options = {"dilation_rate": draw(SIZES), "padding": draw(PADDINGS)}
        return layers.Conv2D(2, size, **options)(x)
    if kind == "mean":
        padding = draw(st.sampled_from(["valid", "same"]))
        return layers.AveragePooling2D(size, strides, padding=padding)(x)
    options = {"strides": strides, "padding": draw(PADDINGS)}
    if kind == "depthwise":
        return layers.DepthwiseConv2D(size, depth_multiplier=draw(st.integers(1, 2)), **options)(x)
    return layers.Conv2D(2, size, **options)(x)


def padded(draw: Any, x: Tensor) -> Tensor:
    return layers.ZeroPadding2D(draw(st.tuples(*[st.tuples(SIDES, SIDES)] * 2)))(x)


def exchanged(draw: Any, x: Tensor) -> Tensor:
    return layers.Permute((2, 1, 3))(x)


def branches(draw: Any, x: Tensor) -> Tensor:
    """Two windows of one size, moved against each other."""
    (a, b), (c, d) = draw(SIZES), draw(SIZES)
    size = draw(SIZES)
    left = layers.Conv2D(2, size, padding=((a, b), (c, d)))(x)
    right = layers.Conv2D(2, size, padding=((b, a), (d, c)))(x)
    return draw(st.sampled_from([layers.Add(), layers.Concatenate()]))([left, right])


def shuffled(draw: Any, x: Tensor) -> Tensor:
    return layers.Permute(draw(st.permutations(range(1, len(x.shape)))))(x)


def reshaped(draw: Any, x: Tensor) -> Tensor:
    """The same elements in another shape of rank 1 to 3."""
    count = int(np.prod(x.shape[1:]))
    shape = []
    for _ in range(draw(st.integers(0, 2))):
        shape.append(draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0])))
        count //= shape[-1]
    return layers.Reshape((*shape, count))(x)


def doubled(draw: Any, x: Tensor) -> Tensor:
    other = layers.Conv2D(x.shape[3], 3, padding="same")(x) if len(x.shape) == 4 else x
    return layers.Concatenate(axis=draw(st.integers(1, len(x.shape) - 1)))([x, other])


def mixed(draw: Any, x: Tensor) -> Tensor:
    if len(x.shape) == 2:
        return layers.Dense(draw(st.integers(1, 4)))(x)
    if len(x.shape) != 4:
        return layers.Flatten()(x)
    pool = draw(st.sampled_from([layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D]))
    return pool(keepdims=draw(st.booleans()))(x)


def grown(draw: Any, x: Tensor, kinds: list[Any]) -> Tensor:
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(kinds))
        if kind in (window, padded, exchanged, branches) and len(x.shape) != 4:
            continue
        try:
            x = kind(draw, x)
        except ValueError as error:  # too small for the window, or nothing but padding
            assert "fit" in str(error) or "padding" in str(error)
    return x


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_windows_sums_and_channels_are_exact(data: Any) -> None:
    """In the middle of a large image, where no border cuts anything off."""
    x = pycnn.Input((161, 157, 1))
    y = grown(data.draw, x, [window, window, padded, exchanged, branches])
    if y is x:
        return
    model = positive(pycnn.Model(x, y))
    rows, columns = model.output_shape[1:3]
    assert analysis.receptive_field(model) == seen(model, [(rows // 2, columns // 2)])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_field_is_too_small(data: Any) -> None:
    x = pycnn.Input(data.draw(st.sampled_from([(9, 8, 2), (6, 7, 1), (6, 8), (12,)])))
    kinds = [window, padded, exchanged, branches, shuffled, reshaped, doubled, mixed]
    y = grown(data.draw, x, kinds)
    if y is x:
        return
    model = positive(pycnn.Model(x, y))
    height, width = analysis.receptive_field(model)
    rows, columns = seen(model)
    assert rows <= height and columns <= width
