"""Convolution: the table, geometry at random, and what does not fit."""

import cases
import numpy as np
import pytest
from geometries import geometries
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", cases.rows("conv2d"), ids=str)
def test_small_integers_are_exact(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("conv2d"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


@st.composite
def _grouped_channels(draw):
    """(in, out), and a number of groups that divides both."""
    groups = draw(st.sampled_from([1, 1, 2, 3, 4, 5]))
    inputs, outputs = draw(st.integers(1, 19 // groups)), draw(st.integers(1, 35 // groups))
    return (inputs * groups, outputs * groups), {"groups": groups}


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(geometries(channels=_grouped_channels(), make=cases.conv))
def test_any_geometry(case):
    assert_exact(case)


def test_lists_and_other_number_types_are_converted():
    x = [[[[1], [2]], [[3], [4]]]]
    kernel = np.ones((2, 2, 1, 1), dtype=">f8")
    assert ops.conv2d(x, kernel, bias=[0.5]).tolist() == [[[[10.5]]]]
    image = np.asfortranarray(np.arange(32).reshape(1, 4, 8, 1))[:, ::2, ::-2]
    assert ops.conv2d(image, np.ones((1, 1, 1, 1)))[0, :, :, 0].tolist() == [
        [7, 5, 3, 1],
        [23, 21, 19, 17],
    ]


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (ones(2, 3, 3, 1), ones(5, 5, 1, 1)),
            {},
            r"^\[Conv2D\] kernel 5x5 does not fit input 3x3 with padding 'valid'; "
            r"received input shape \(None, 3, 3, 1\)$",
        ),
        (
            (ones(2, 3, 4, 1), ones(6, 1, 1, 1)),
            {"padding": ((1, 1), (0, 0))},
            r"^\[Conv2D\] kernel 6x1 does not fit input 3x4 with padding \(\(1, 1\), \(0, 0\)\)",
        ),
        (
            (ones(1, 4, 4, 3), ones(3, 3, 6, 2)),
            {},
            r"^\[Conv2D\] kernel \(3, 3, 6, 2\) expects 6 input channels; "
            r"received input shape \(None, 4, 4, 3\)$",
        ),
        ((ones(4, 4, 3), ones(3, 3, 3, 2)), {}, r"^\[Conv2D\] .*rank 4.*\(None, 4, 3\)"),
        ((ones(1, 4, 4, 3), ones(3, 3, 3)), {}, r"^\[Conv2D\] kernel must be .*\(3, 3, 3\)"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 2), ones(3)), {}, r"\(2,\).*\(3,\)|\(3,\).*\(2,\)"),
        ((ones(0, 4, 4, 1), ones(3, 3, 1, 2)), {}, r"^\[Conv2D\] no data"),
        ((ones(1, 4, 0, 1), ones(3, 3, 1, 2)), {}, r"^\[Conv2D\] no data"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 0)), {}, r"^\[Conv2D\] filters must be positive; got 0"),
        ((ones(1, 4, 4, 1), ones(0, 3, 1, 1)), {}, r"^\[Conv2D\] kernel size must be positive"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"strides": 0}, r"^\[Conv2D\] strides .*got 0x0"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"strides": (1, -1)}, r"^\[Conv2D\] .*got 1x-1"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"strides": 1.5}, r"^\[Conv2D\] strides .*got 1.5"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"strides": (1, 2, 3)}, r"^\[Conv2D\] strides"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"padding": "full"}, r"^\[Conv2D\] .*got 'full'"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"padding": (1, 1)}, r"^\[Conv2D\] padding must"),
        (
            (ones(1, 4, 4, 1), ones(3, 3, 1, 1)),
            {"padding": ((1, -1), (0, 0))},
            r"^\[Conv2D\] padding must not be negative; got \(\(1, -1\), \(0, 0\)\)",
        ),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"strides": 2**31}, r"^\[Conv2D\] strides .*2\^31"),
        (
            (ones(1, 4, 4, 1), ones(3, 3, 1, 1)),
            {"padding": ((2**31, 0), (0, 0))},
            r"^\[Conv2D\] padding .*2\^31",
        ),
        (
            (ones(2, 4, 9, 1), ones(3, 2, 1, 1)),
            {"dilation": (2, 3)},
            r"^\[Conv2D\] kernel 3x2 with dilation 2x3, extent 5x4 does not fit input 4x9",
        ),
        (
            (ones(1, 9, 9, 1), ones(3, 3, 1, 1)),
            {"strides": 2, "dilation": 2},
            r"^\[Conv2D\] strides above 1 .* got strides 2x2 and dilation 2x2$",
        ),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"dilation": 0}, r"^\[Conv2D\] dilation .*got 0x0"),
        (
            (ones(1, 4, 4, 1), ones(3, 3, 1, 1)),
            {"dilation": 0.5},
            r"^\[Conv2D\] dilation .*got 0.5",
        ),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"dilation": 2**31 - 1}, r"^\[Conv2D\] .*2\^31"),
        (
            (ones(1, 4, 4, 3), ones(3, 3, 1, 4)),
            {"groups": 2},
            r"^\[Conv2D\] groups must divide .* got 2 groups for 3 input channels and 4 filters; "
            r"received input shape \(None, 4, 4, 3\)$",
        ),
        (
            (ones(1, 4, 4, 4), ones(3, 3, 2, 3)),
            {"groups": 2},
            r"^\[Conv2D\] groups must divide .* got 2 groups for 4 input channels and 3 filters",
        ),
        (
            (ones(1, 4, 4, 4), ones(3, 3, 4, 4)),
            {"groups": 2},
            r"^\[Conv2D\] kernel \(3, 3, 4, 4\) expects 2 \* 4 input channels; received",
        ),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"groups": 0}, r"^\[Conv2D\] groups .*got 0"),
        ((ones(1, 4, 4, 1), ones(3, 3, 1, 1)), {"groups": 1.5}, r"^\[Conv2D\] groups .*got 1.5"),
        (  # 2^32 + 2 rows of output: must not wrap to 2
            (ones(1, 4, 4, 1), ones(1, 1, 1, 1)),
            {"padding": ((2**31 - 1, 2**31 - 1), (0, 0))},
            r"^\[Conv2D\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        ops.conv2d(*arguments, **options)
    if len(arguments) == 2:
        with pytest.raises(ValueError, match=message):
            ops.conv2d_backward(ones(1), *arguments, **options)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 3, 3, 2\)"):
        ops.conv2d_backward(ones(1, 3, 3, 2), ones(1, 4, 4, 1), ones(3, 3, 1, 2))


def test_complex_numbers_and_text_are_refused():
    with pytest.raises(TypeError, match="complex"):
        ops.conv2d(ones(1, 3, 3, 1) * 1j, ones(1, 1, 1, 1))
    with pytest.raises(TypeError, match="dtype <U3"):
        ops.conv2d(np.array([[[["one"]]]]), ones(1, 1, 1, 1))
