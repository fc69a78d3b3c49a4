#pragma once
// Depthwise 2-D convolution: each input channel has kernels of its own, `multiplier` of them:
//   y[i, j, c*multiplier + q] = b[c*multiplier + q] + sum over a, b of
//                               x[i*s_h + a*d_h - pad, j*s_w + b*d_w - pad, c] * w[a, b, c, q]
// It is conv2d with as many groups as channels; kernels here keep pixels in registers, since there
// is nothing to share between channels.

#include <string>

#include "ops/conv2d.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct DepthwiseConv2dOptions {
  Size2 kernel_size;
  Size2 strides;
  Padding padding;
  int depth_multiplier = 1;
  bool use_bias = true;
  Size2 dilation = {};  // above 1 only with strides of 1
};

// That of the equal conv2d; halos and output shape are conv2d's, too. Checks everything; throws
// ValueError.
Conv2dGeometry depthwise_conv2d_geometry(const Shape& input, const DepthwiseConv2dOptions& options,
                                         const std::string& who);
// (height, width, in, multiplier): the same elements in the same order as conv2d's
// (height, width, 1, in * multiplier).
Shape depthwise_conv2d_kernel_shape(const Conv2dGeometry& g);

// Whether a convolution has one input channel in each of several groups.
inline bool is_depthwise(const Conv2dGeometry& g) {
  return g.groups > 1 && g.groups == g.in_channels;
}

namespace cpu {

// As in Conv2dKernels, for g.groups == g.in_channels.
struct DepthwiseConv2dKernels {
  void (*forward)(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                  bool relu, View y);
  void (*backward_input)(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx);
  void (*backward_params)(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                          float* dkernel, float* dbias);
};

}  // namespace cpu

namespace cuda {

// As for conv2d, for g.groups == g.in_channels.
void depthwise_conv2d_forward(const Conv2dGeometry& g, ConstView x, const float* kernel,
                              const float* bias, bool relu, View y, Stream stream);
void depthwise_conv2d_backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel,
                                     View dx, Stream stream);
void depthwise_conv2d_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz,
                                      bool accumulate, float* dkernel, float* dbias, float* scratch,
                                      Stream stream);
std::int64_t depthwise_conv2d_scratch(const Conv2dGeometry& g, int batch);

}  // namespace cuda
}  // namespace pycnn
