"""Layers in a row, which the planner may fuse, against the reference's ops one after the other.

Small integers again, but where a test says otherwise: whatever is fused, the result is the same to
the last bit.
"""

import bounds
import cases
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from pycnn import _core

pytestmark = pytest.mark.usefixtures("isa", "fuse")


@pytest.fixture(scope="module", params=["0", "1"], ids=["plain", "fused"])
def fuse(request):
    """Whether networks built from here on are planned with fusion."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYCNN_FUSE", request.param)
    yield
    patch.undo()


def run_core(x, dy, kernel, bias, options, pool, relu):
    """`options` with "depth_multiplier" make a depthwise convolution."""
    graph = _core.Graph(x.shape[1:])
    options = options | {"kernel_size": kernel.shape[:2]}
    if "depth_multiplier" in options:
        value = graph.depthwise_conv2d(graph.input, **options)
    else:
        value = graph.conv2d(graph.input, filters=kernel.shape[3], **options)
    if relu:
        value = graph.activation(value, kind="relu")
    if pool is not None:
        value = graph.max_pool2d(value, **pool)
    network = _core.Network(graph, [value], 0)
    network.set_parameter(0, _core.Tensor(kernel))
    network.set_parameter(1, _core.Tensor(bias))
    tensor = _core.Tensor(x)
    y = network.predict([tensor], len(x))[0].numpy()
    (dx,), (dkernel, dbias) = network.backward([tensor], [_core.Tensor(dy(y.shape))])
    return [y, *(gradient.numpy() for gradient in (dx, dkernel, dbias))]


def run_reference(x, dy, kernel, bias, options, pool, relu):
    op, options = "conv2d", dict(options)
    if options.pop("depth_multiplier", None) is not None:
        op = "depthwise_conv2d"
    z = getattr(reference, op)(x, kernel, bias, **options)
    a = reference.relu(z) if relu else z
    y = a if pool is None else reference.max_pool2d(a, **pool)
    d = dy(y.shape)
    d = d if pool is None else reference.max_pool2d_backward(d, a, **pool)
    d = reference.relu_backward(d, z) if relu else d
    return [y, *getattr(reference, f"{op}_backward")(d, x, kernel, **options)]


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    batch=st.integers(1, 35),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    channels=st.tuples(st.integers(1, 8), st.integers(1, 20)),
    kernel_size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 2)]),
    padding=st.sampled_from(["same", ((4, 4), (4, 4)), ((2, 3), (3, 4))]),
    pool=st.sampled_from([None, (2, 2), (2, 2), (3, 2), (2, 1)]),
    relu=st.booleans(),
)
def test_convolution_relu_and_max_pooling(
    batch, size, channels, kernel_size, strides, padding, pool, relu
):
    rng = np.random.default_rng(batch)
    draw = cases.integers_from(rng)
    x, kernel = draw((batch, *size, channels[0])), draw((*kernel_size, *channels))
    bias = draw((channels[1],))
    options = {"strides": strides, "padding": padding}
    if pool is not None:
        shape = reference.conv2d(x[:1], kernel, **options).shape[1:3]
        rule = "valid" if min(shape) >= pool[0] else "same"
        pool = {"pool_size": (pool[0],) * 2, "strides": (pool[1],) * 2, "padding": rule}

    def dy(shape):
        return cases.integers_from(np.random.default_rng(1))(shape)

    assert_equal(x, dy, kernel, bias, options, pool, relu)


def assert_equal(*arguments):
    for got, want in zip(run_core(*arguments), run_reference(*arguments), strict=True):
        assert got.shape == want.shape
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("kernel_shape", "options"),
    [
        ((3, 3, 6, 9), {"dilation": (2, 2)}),
        ((3, 2, 6, 9), {"dilation": (2, 1)}),
        ((3, 3, 3, 8), {"groups": 2}),
        ((2, 3, 2, 9), {"groups": 3, "dilation": (1, 3), "padding": "same"}),
        ((3, 3, 1, 12), {"groups": 6, "strides": (1, 2)}),
        ((3, 3, 6, 2), {"depth_multiplier": 2, "padding": "same"}),
        ((3, 2, 6, 1), {"depth_multiplier": 1, "dilation": (2, 3)}),
    ],
    ids=str,
)
@pytest.mark.parametrize("pooled", [False, True])
def test_sparse_convolution_relu_and_max_pooling(kernel_shape, options, pooled):
    draw = cases.integers_from(np.random.default_rng(7))
    x, kernel = draw((17, 10, 11, 6)), draw(kernel_shape)
    filters = kernel_shape[3] * (6 if "depth_multiplier" in options else 1)
    pool = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"} if pooled else None
    bias = draw((filters,))

    def dy(shape):
        return cases.integers_from(np.random.default_rng(8))(shape)

    assert_equal(x, dy, kernel, bias, options, pool, True)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("place", range(4))
def test_nan_passes_through_the_fused_layers(relu, place):
    x = np.zeros((17, 2, 2, 1), np.float32)
    x[3].flat[place] = np.nan
    kernel, bias = np.ones((1, 1, 1, 2), np.float32), np.zeros(2, np.float32)
    pool = {"pool_size": (2, 2), "strides": (2, 2)}
    options = {"strides": (1, 1), "padding": "valid"}
    y = run_core(x, lambda s: np.zeros(s, np.float32), kernel, bias, options, pool, relu)[0]
    assert np.isnan(y[3]).all()
    assert np.isnan(y).sum() == 2


def windows_that_see(pixel, kernel, outputs):
    """Windows of 2 with an output that sees a pixel, along one axis."""
    return sorted({o // 2 for o in range(outputs) if o <= pixel < o + kernel})


# By Winograd's filtering with images (5x5) or channels (3x3) in the lanes.
@pytest.mark.parametrize(
    "kernel_shape", [(5, 5, 1, 4), (5, 5, 2, 5), (5, 5, 17, 4), (3, 3, 16, 16)], ids=str
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(6, 6), (6, 7), (7, 6), (7, 7)], ids=str)
def test_what_is_not_finite_reaches_every_window_that_sees_it(kernel_shape, value, place):
    x = np.ones((17, 12, 12, kernel_shape[2]), np.float32)
    x[3, place[0], place[1], 0] = value
    kernel, bias = np.ones(kernel_shape, np.float32), np.zeros(kernel_shape[3], np.float32)
    pool = {"pool_size": (2, 2), "strides": (2, 2)}
    y = run_core(x, lambda s: np.zeros(s, np.float32), kernel, bias, {}, pool, False)[0]
    rows, columns = (windows_that_see(p, kernel_shape[0], 13 - kernel_shape[0]) for p in place)
    seen = y[3][np.ix_(rows, columns)]
    assert np.isnan(seen).all() if np.isnan(value) else not np.isfinite(seen).any()
    assert np.isfinite(np.delete(y[3], rows, axis=0)).all()
    assert np.isfinite(np.delete(y, 3, axis=0)).all()


@pytest.mark.parametrize("which", ["kernel", "bias"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2, 17])
def test_a_weight_that_is_not_finite_reaches_its_channel(channels, value, which):
    x, weights = np.ones((17, 12, 12, channels), np.float32), {}
    weights["kernel"] = np.ones((5, 5, channels, 5), np.float32)
    weights["bias"] = np.zeros(5, np.float32)
    weights[which][..., 3].flat[-1] = value
    pool = {"pool_size": (2, 2), "strides": (2, 2)}
    y = run_core(x, lambda s: np.zeros(s, np.float32), **weights, options={}, pool=pool, relu=False)
    assert np.isnan(y[0][..., 3]).all() if np.isnan(value) else not np.isfinite(y[0][..., 3]).any()
    assert np.isfinite(np.delete(y[0], 3, axis=-1)).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 16, 17])
@pytest.mark.parametrize("size", [3, 5])
def test_pooled_convolution_of_real_numbers(size, channels):
    random = np.random.default_rng(12)
    x, kernel, bias = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((18, 15, 17, channels), (size, size, channels, 16), (16,))
    )
    pool = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}
    options = {"padding": "same"}
    y = run_core(x, lambda s: np.zeros(s, np.float32), kernel, bias, options, pool, True)[0]
    right = run_reference(x, lambda s: np.zeros(s, np.float32), kernel, bias, options, pool, True)[
        0
    ]
    sums = reference.conv2d(np.abs(x), np.abs(kernel), np.abs(bias), **options)
    bound = 2 * bounds.allowed(kernel[..., 0].size, reference.max_pool2d(sums, **pool))
    assert (np.abs(y - right) <= bound).all()


# Both sides of every choice that the planner makes for these gradients, and what the kernels cut
# into parts: long patches, more than 32 channels, odd sizes, strides, few images.
@pytest.mark.parametrize(
    ("batch", "input_shape", "kernel_shape", "options"),
    [
        (17, (14, 14, 6), (5, 5, 6, 16), {}),
        (3, (9, 11, 6), (5, 5, 6, 15), {"padding": "same"}),
        (16, (9, 8, 1), (5, 5, 1, 6), {"padding": "same"}),
        (18, (11, 9, 2), (3, 3, 2, 7), {"strides": (2, 1)}),
        (5, (13, 12, 1), (7, 2, 1, 3), {"strides": (1, 2), "padding": "same"}),
        (2, (12, 9, 7), (7, 5, 7, 35), {"strides": (2, 2), "padding": ((3, 1), (0, 4))}),
        (16, (7, 5, 33), (3, 3, 33, 65), {"padding": "same"}),
        (1, (5, 6, 70), (1, 1, 70, 40), {}),
        (19, (4, 4, 9), (2, 2, 9, 64), {"strides": (1, 2), "padding": "same"}),
        # Pixels of whole vectors, which channels in the lanes ask for.
        (3, (14, 14, 32), (5, 5, 32, 64), {"padding": "same"}),
        (2, (19, 18, 16), (3, 3, 16, 20), {"padding": "same"}),
        (1, (6, 140, 16), (2, 3, 16, 70), {"padding": ((3, 1), (0, 4))}),
        (2, (9, 10, 48), (5, 7, 48, 66), {"padding": ((0, 3), (4, 1))}),
        (2, (9, 11, 32), (3, 3, 32, 130), {"strides": (2, 1), "padding": "same"}),
        (5, (9, 8, 64), (1, 2, 64, 17), {"strides": (2, 3)}),
        (1, (2, 2, 336), (3, 3, 336, 40), {"padding": "same"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("relu", [False, True])
def test_gradients_of_a_convolution_with_pooling(batch, input_shape, kernel_shape, options, relu):
    draw = cases.integers_from(np.random.default_rng(3))
    x, kernel, bias = draw((batch, *input_shape)), draw(kernel_shape), draw(kernel_shape[3:])
    pool = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}

    def dy(shape):
        return cases.integers_from(np.random.default_rng(4))(shape)

    assert_equal(x, dy, kernel, bias, {"strides": (1, 1), "padding": "valid"} | options, pool, relu)


@pytest.mark.parametrize("channels", [(1, 3), (6, 16), (16, 2), (16, 40)], ids=str)
def test_a_nan_gradient_reaches_weights_and_input(channels):
    x, kernel = np.ones((3, 6, 6, channels[0]), np.float32), np.ones((5, 5, *channels), np.float32)

    def dy(shape):
        gradient = np.zeros(shape, np.float32)
        gradient[2, 0, 0, 1] = np.nan
        return gradient

    options = {"strides": (1, 1), "padding": "valid"}
    pool = {"pool_size": (2, 2), "strides": (2, 2)}
    bias = np.zeros(channels[1], np.float32)
    _, dx, dkernel, dbias = run_core(x, dy, kernel, bias, options, pool, True)
    assert np.isnan(dx[2, :5, :5]).all() and np.isfinite(dx[:2]).all()
    assert np.isnan(dkernel[..., 1]).all() and np.isfinite(dkernel[..., 0]).all()
    assert np.isnan(dbias[1]) and np.isfinite(dbias[0])


@pytest.mark.parametrize("batch", cases.BATCHES)
def test_dense_and_relu(batch):
    draw = cases.integers_from(np.random.default_rng(batch))
    x, dy = draw((batch, 3, 3, 4)), draw((batch, 9))
    first, second, bias = draw((36, 21)), draw((21, 9)), draw((21,))
    graph = _core.Graph(x.shape[1:])
    value = graph.dense(graph.flatten(graph.input), units=21)
    value = graph.activation(value, kind="relu")
    value = graph.dense(value, units=9, use_bias=False)
    network = _core.Network(graph, [value], 0)
    for index, parameter in enumerate((first, bias, second)):
        network.set_parameter(index, _core.Tensor(parameter))
    y = network.predict([_core.Tensor(x)], batch)[0].numpy()
    (dx,), gradients = network.backward([_core.Tensor(x)], [_core.Tensor(dy)])

    flat = reference.flatten(x)
    z = reference.dense(flat, first, bias)
    hidden = reference.relu(z)
    dhidden, dsecond, _ = reference.dense_backward(dy, hidden, second)
    dz = reference.relu_backward(dhidden, z)
    dflat, dfirst, dbias = reference.dense_backward(dz, flat, first)
    assert np.array_equal(y, reference.dense(hidden, second))
    assert np.array_equal(dx.numpy(), reference.flatten_backward(dflat, x))
    for got, want in zip(gradients, (dfirst, dbias, dsecond), strict=True):
        assert np.array_equal(got.numpy(), want)
