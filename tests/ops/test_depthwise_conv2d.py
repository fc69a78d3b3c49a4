"""Depthwise convolution: the table, geometry at random, grouped convolution, what does not fit."""

import cases
import numpy as np
import pytest
from geometries import geometries
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("depthwise_conv2d"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("depthwise_conv2d"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(geometries(channels=st.tuples(st.integers(1, 19), st.integers(1, 4)), make=cases.depthwise))
def test_any_geometry(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("depthwise_conv2d"), ids=str)
def test_convolution_with_a_group_for_each_channel_agrees(case):
    arrays = case.arrays(integers=False)
    options = {**case.options, "groups": arrays["kernel"].shape[2]}
    height, width, channels, multiplier = arrays["kernel"].shape
    grouped = arrays | {"kernel": arrays["kernel"].reshape(height, width, 1, channels * multiplier)}
    inputs = [grouped[name] for name in ("x", "kernel", "bias") if name in grouped]
    if channels > 1:
        assert np.array_equal(ops.conv2d(*inputs, **options), case.forward(arrays, ops))
    dx, dkernel, dbias = ops.conv2d_backward(
        *(grouped[n] for n in ("dy", "x", "kernel")), **options
    )
    wanted = case.backward(arrays, ops)
    shape = arrays["kernel"].shape
    for got, want in zip((dx, dkernel.reshape(shape), dbias), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def ones(*shape):
    return np.ones(shape, np.float32)


def test_channels_come_in_keras_order():
    """Output channel c * multiplier + q is input channel c under kernel q."""
    x = np.array([1.0, 100.0]).reshape(1, 1, 1, 2)
    kernel = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape(1, 1, 2, 3)
    assert ops.depthwise_conv2d(x, kernel).ravel().tolist() == [1, 2, 3, 400, 500, 600]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (ones(2, 3, 3, 1), ones(5, 5, 1, 1)),
            {},
            r"^\[DepthwiseConv2D\] kernel 5x5 does not fit input 3x3 with padding 'valid'; "
            r"received input shape \(None, 3, 3, 1\)$",
        ),
        (
            (ones(2, 4, 4, 1), ones(3, 3, 1, 1)),
            {"dilation": 2},
            r"^\[DepthwiseConv2D\] kernel 3x3 with dilation 2x2, extent 5x5 does not fit input 4x4",
        ),
        (
            (ones(1, 4, 4, 3), ones(3, 3, 6, 2)),
            {},
            r"^\[DepthwiseConv2D\] kernel \(3, 3, 6, 2\) expects 6 input channels; "
            r"received input shape \(None, 4, 4, 3\)$",
        ),
        ((ones(4, 4, 3), ones(3, 3, 3, 2)), {}, r"^\[DepthwiseConv2D\] .*rank 4.*\(None, 4, 3\)"),
        ((ones(1, 4, 4, 3), ones(3, 3, 3)), {}, r"^\[DepthwiseConv2D\] kernel must be"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 0)), {}, r"^\[DepthwiseConv2D\] depth_multiplier must"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 2), ones(3)), {}, r"\(2,\).*\(3,\)|\(3,\).*\(2,\)"),
        (
            (ones(1, 9, 9, 1), ones(3, 3, 1, 1)),
            {"strides": (1, 2), "dilation": (2, 1)},
            r"^\[DepthwiseConv2D\] strides above 1 .* got strides 1x2 and dilation 2x1$",
        ),
        ((ones(0, 4, 4, 1), ones(3, 3, 1, 2)), {}, r"^\[DepthwiseConv2D\] no data"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        ops.depthwise_conv2d(*arguments, **options)
    if len(arguments) == 2:
        with pytest.raises(ValueError, match=message):
            ops.depthwise_conv2d_backward(ones(1), *arguments, **options)
