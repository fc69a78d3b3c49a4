"""Behind `pycnn.ops`: the layers of the convolutions, from the shapes of kernels."""

from __future__ import annotations

from pycnn._single_layer import (
    AddLayer,
    Array,
    Padding,
    Size,
    as_int,
    as_padding,
    as_pair,
    format_shape,
)


def add_conv2d(
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


def add_depthwise_conv2d(
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
