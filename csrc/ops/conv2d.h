#pragma once
// 2-D convolution (cross-correlation, as every CNN library has it), with bias:
//   y[i, j, o] = b[o] + sum over a, b, c of
//                x[i*s_h + a*d_h - pad, j*s_w + b*d_w - pad, c] * w[a, b, c, o]
// and its fusion with ReLU and 2x2 max pooling. Dilation d leaves d - 1 pixels between the kernel's
// taps. With groups, the input and output channels are cut into as many equal parts, and each part
// of the output sees its part of the input alone.

#include <cstdint>
#include <string>

#include "ops/cpu/block.h"
#include "ops/cpu/channels.h"
#include "ops/cuda/precision.h"
#include "ops/cuda/view.h"
#include "ops/padding.h"

namespace pycnn {

struct Conv2dOptions {
  int filters = 1;
  Size2 kernel_size;
  Size2 strides;
  Padding padding;
  bool use_bias = true;
  Size2 dilation = {};  // above 1 only with strides of 1
  int groups = 1;       // divides the input channels and the filters
};

struct Conv2dGeometry : WindowGeometry {
  int in_channels, out_channels;
  int dilation_height = 1, dilation_width = 1, groups = 1;

  // Pixels from the first to the last tap.
  int extent_height() const { return (kernel_height - 1) * dilation_height + 1; }
  int extent_width() const { return (kernel_width - 1) * dilation_width + 1; }
};

// The window of a kernel with dilation. Checks everything that is not of channels; throws
// ValueError.
WindowGeometry dilated_window(const Shape& input, Size2 kernel, Size2 strides, Size2 dilation,
                              const Padding& padding, const std::string& who);
// Checks everything; throws ValueError.
Conv2dGeometry conv2d_geometry(const Shape& input, const Conv2dOptions& options,
                               const std::string& who);
Shape conv2d_output_shape(const Conv2dGeometry& g);
Shape conv2d_kernel_shape(const Conv2dGeometry& g);

// Zeros that the kernels read around an operand: x of forward and backward_params, dz of
// backward_input (rows there are clipped, so it needs columns only).
struct Halo {
  int top = 0, bottom = 0, left = 0, right = 0;
};
Halo conv2d_input_halo(const Conv2dGeometry& g);
Halo conv2d_gradient_halo(const Conv2dGeometry& g);

namespace cpu {

struct Conv2dKernels {
  // y = x * w + b, then ReLU if wanted. `bias` may be null.
  void (*forward)(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                  bool relu, View y);
  // The same, without dilation and groups, followed by max pooling over 2x2 windows, stride 2.
  // code[p] in 0..3 is the first maximum's place in the window, 4 where ReLU lets no gradient
  // through.
  void (*forward_pool)(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                       bool relu, View y, std::uint8_t* code);
  // The same where suits_winograd_pool, so that of equal values rounding may choose another one;
  // `scratch` as in cpu/conv2d_winograd_scratch.h, `code` may be null.
  void (*forward_pool_winograd)(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                const float* bias, bool relu, float* scratch, View y,
                                std::uint8_t* code);
  // dz, the gradient of the convolution's output, from the pooled gradient and the codes.
  void (*backward_pool)(ConstView dy, const std::uint8_t* code, View dz);
  // The same as backward_input and backward_params on that dz, but from the pooled gradient and the
  // codes at once, image by image. `scratch` as in cpu/conv2d_columns.h.
  void (*pool_backward_input)(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                              const float* kernel, float* scratch, View dx);
  void (*pool_backward_params)(const Conv2dGeometry& g, ConstView x, ConstView dy,
                               const std::uint8_t* code, bool accumulate, float* scratch,
                               float* dkernel, float* dbias);
  // The same for short runs: the images one by one, `scratch` a PoolRowsScratch's, or the 16 at
  // once by selecting; and whether the latter is faster.
  void (*pool_rows_params)(const Conv2dGeometry& g, ConstView x, ConstView dy,
                           const std::uint8_t* code, bool accumulate, float* scratch,
                           float* dkernel, float* dbias);
  void (*pool_select_params)(const Conv2dGeometry& g, ConstView x, ConstView dy,
                             const std::uint8_t* code, bool accumulate, float* dkernel,
                             float* dbias);
  bool selects_short_runs;
  // dx = correlation of dz with the flipped kernel.
  void (*backward_input)(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx);
  // dw = sum over positions and images of x * dz; db = sum of dz. Adds when `accumulate`.
  void (*backward_params)(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                          float* dkernel, float* dbias);
};

// The same with channels in the lanes, on a whole batch, by all threads of a team; without groups.
// Threads have kWorkspaceBytes of workspace. Kernels may read up to 15 floats behind the weights
// and biases. `scratch` has as many floats as the pass asks for, and holds nothing between calls.
struct Conv2dChannelKernels {
  void (*forward)(Team& team, const Conv2dGeometry& g, ConstChannelView x, const float* kernel,
                  const float* bias, bool relu, ChannelView y);
  void (*forward_pool)(Team& team, const Conv2dGeometry& g, ConstChannelView x, const float* kernel,
                       const float* bias, bool relu, ChannelView y, ChannelCodes code);
  // dx = base + the gradient; base.data may be null (0).
  void (*backward_input)(Team& team, const Conv2dGeometry& g, ConstChannelView dz,
                         const float* kernel, float* scratch, ConstChannelView base,
                         ChannelView dx);
  std::int64_t (*backward_input_scratch)(const Conv2dGeometry& g, int images);
  void (*backward_params)(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                          ConstChannelView dz, bool accumulate, float* scratch, float* dkernel,
                          float* dbias);
  std::int64_t (*backward_params_scratch)(const Conv2dGeometry& g, int images);
  // Both with pooling, from the pooled gradient and the codes at once; in_channels must be a
  // multiple of 16, an image of x with its halo have less than 2^30 floats.
  void (*pool_backward_input)(Team& team, const Conv2dGeometry& g, ConstChannelView dy,
                              ConstChannelCodes code, const float* kernel, float* scratch,
                              ChannelView dx);
  std::int64_t (*pool_backward_input_scratch)(const Conv2dGeometry& g, int images);
  void (*pool_backward_params)(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                               ConstChannelView dy, ConstChannelCodes code, bool accumulate,
                               float* scratch, float* dkernel, float* dbias);
  std::int64_t (*pool_backward_params_scratch)(const Conv2dGeometry& g, int images);
};

}  // namespace cpu

namespace cuda {

// `scratch` has conv2d_scratch floats.
void conv2d_forward(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                    bool relu, View y, float* scratch, Precision precision, Stream stream);
void conv2d_backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx,
                           float* scratch, Precision precision, Stream stream);
void conv2d_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                            float* dkernel, float* dbias, float* scratch, Precision precision,
                            Stream stream);
// Enough for each of the three.
std::int64_t conv2d_scratch(const Conv2dGeometry& g, int batch);

}  // namespace cuda
}  // namespace pycnn
