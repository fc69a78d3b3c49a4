"""Part of `pycnn.ops`: convolution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    Padding,
    Size,
    as_float32,
    as_int,
    as_kernel,
    as_padding,
    as_pair,
    backward,
    format_shape,
    forward,
)


def conv2d(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Two-dimensional convolution (no flip of the kernel, as in every CNN library).

    y[n,i,j,o] = bias[o]
        + sum_abc x[n, i*s_h + a*d_h - top, j*s_w + b*d_w - left, c] * kernel[a,b,c,o],
    where with groups c counts from the first channel of o's group.

    On the CPU, kernels of 3x3 between 16 channels or more may go by Winograd's filtering, which
    rounds in groups of four neighbouring columns: where the sum is 0 or equal to its neighbour's,
    the result may be off by as much as elsewhere, and NaN, infinite and very large numbers (above
    1e36) reach the whole group (docs/how_it_works.md).

    Args:
        x: (batch, height, width, in).
        kernel: (kernel height, kernel width, in / groups, out).
        bias: (out,), or None for no bias.
        strides: one number, or (vertical, horizontal), in pixels.
        padding: "valid" (none), "same" (output size ceil(N / S); an odd pixel goes to the bottom
            and right, as in TensorFlow) or ((top, bottom), (left, right)) rows and columns of 0.
        dilation: steps in pixels from tap to tap of the kernel, (d_h, d_w) or one number; above 1
            only with strides of 1.
        groups: in how many equal parts the input and output channels are cut; each part of the
            output sees its part of the input alone.

    Returns:
        (batch, out height, out width, out), each size floor((N - F + P) / S) + 1, where
        F = (taps - 1) * dilation + 1.

    Raises:
        ValueError: the kernel does not fit the input, ranks or channels do not agree, a stride or
            dilation is not positive, groups do not divide the channels, the batch is empty.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "Conv2D")
    parameters = [weights] if bias is None else [weights, as_float32(bias, "bias")]
    add = _conv2d_layer(images, weights, strides, padding, dilation, groups, bias is not None)
    return forward("Conv2D", images, add, parameters)


def conv2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Gradients of `conv2d`: (dx, dkernel, dbias), of the shapes of x, kernel and bias.

    dkernel[a,b,c,o] = sum_nij dy[n,i,j,o] * x[n, i*s_h + a*d_h - top, j*s_w + b*d_w - left, c];
    dbias[o] = sum_nij dy[n,i,j,o]; dx takes each dy[n,i,j,o] * kernel[a,b,c,o] back to the pixel
    that it came from. Arguments and errors as for `conv2d`; dy has the shape of its result.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "Conv2D")
    parameters = [weights, np.zeros(weights.shape[3], np.float32)]
    add = _conv2d_layer(images, weights, strides, padding, dilation, groups, True)
    dx, (dkernel, dbias) = backward("Conv2D", dy, images, add, parameters)
    return dx, dkernel, dbias


def depthwise_conv2d(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
) -> Array:
    """Convolution of each channel alone, with `multiplier` kernels for each.

    y[n,i,j, c*multiplier + q] = bias[c*multiplier + q]
        + sum_ab x[n, i*s_h + a*d_h - top, j*s_w + b*d_w - left, c] * kernel[a,b,c,q]:
    `conv2d` with groups = in and the kernel in the shape (height, width, 1, in * multiplier).

    Args:
        x: (batch, height, width, in).
        kernel: (kernel height, kernel width, in, multiplier).
        bias: (in * multiplier,), or None for no bias.
        strides: as for `conv2d`.
        padding: as for `conv2d`.
        dilation: as for `conv2d`.

    Returns:
        (batch, out height, out width, in * multiplier), sizes as of `conv2d`.

    Raises:
        ValueError: as `conv2d`.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "DepthwiseConv2D")
    parameters = [weights] if bias is None else [weights, as_float32(bias, "bias")]
    add = _depthwise_conv2d_layer(images, weights, strides, padding, dilation, bias is not None)
    return forward("DepthwiseConv2D", images, add, parameters)


def depthwise_conv2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
) -> tuple[Array, Array, Array]:
    """Gradients of `depthwise_conv2d`: (dx, dkernel, dbias), of the shapes of x, kernel and bias.

    They are those of `conv2d` with groups = in. Arguments and errors as for `depthwise_conv2d`; dy
    has the shape of its result.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "DepthwiseConv2D")
    parameters = [weights, np.zeros(weights.shape[2] * weights.shape[3], np.float32)]
    add = _depthwise_conv2d_layer(images, weights, strides, padding, dilation, True)
    dx, (dkernel, dbias) = backward("DepthwiseConv2D", dy, images, add, parameters)
    return dx, dkernel, dbias


def _conv2d_layer(
    x: Array,
    kernel: Array,
    strides: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
    use_bias: bool,
) -> AddLayer:
    height, width, channels, filters = kernel.shape
    parts = as_int(groups, "Conv2D", "groups")
    # Groups that do not divide the channels are the core's to refuse.
    divided = x.ndim == 4 and parts > 0 and x.shape[3] % parts == 0
    if divided and x.shape[3] != channels * parts:
        times = f"{parts} * " if parts > 1 else ""
        raise ValueError(
            f"[Conv2D] kernel {kernel.shape} expects {times}{channels} input channels; "
            f"received input shape {format_shape(x)}"
        )
    steps = as_pair(strides, "Conv2D", "strides")
    pads = as_padding(padding, "Conv2D")
    gaps = as_pair(dilation, "Conv2D", "dilation")
    return lambda graph, value: graph.conv2d(
        value,
        filters=filters,
        kernel_size=(height, width),
        strides=steps,
        padding=pads,
        dilation=gaps,
        groups=parts,
        use_bias=use_bias,
        kernel_initializer="zeros",
    )


def _depthwise_conv2d_layer(
    x: Array, kernel: Array, strides: Size, padding: Padding, dilation: Size, use_bias: bool
) -> AddLayer:
    height, width, channels, multiplier = kernel.shape
    if x.ndim == 4 and x.shape[3] != channels:
        raise ValueError(
            f"[DepthwiseConv2D] kernel {kernel.shape} expects {channels} input channels; "
            f"received input shape {format_shape(x)}"
        )
    steps = as_pair(strides, "DepthwiseConv2D", "strides")
    pads = as_padding(padding, "DepthwiseConv2D")
    gaps = as_pair(dilation, "DepthwiseConv2D", "dilation")
    return lambda graph, value: graph.depthwise_conv2d(
        value,
        kernel_size=(height, width),
        strides=steps,
        padding=pads,
        depth_multiplier=multiplier,
        dilation=gaps,
        use_bias=use_bias,
        kernel_initializer="zeros",
    )
