#pragma once
// Convolutions of 3x3 with stride 1 by Winograd's filtering along the rows: the product that
// forward and the input's gradient are, and the kernel's gradient.

#include "ops/conv2d.h"
#include "ops/cpu/channels.h"
#include "ops/cpu/winograd.h"

namespace pycnn::cpu::PYCNN_ISA::channels::winograd {

using namespace cpu::PYCNN_ISA::winograd;

// Whether it pays: the last tile of a row may reach beyond its end, and the kernel is transformed
// for every image.
inline bool suits(const Conv2dGeometry& g) {
  const int tiles = (g.out_width + kTileColumns - 1) / kTileColumns;
  return g.kernel_height == kTaps && g.kernel_width == kTaps && g.stride_height == 1 &&
         g.stride_width == 1 && g.dilation_height == 1 && g.dilation_width == 1 &&
         g.in_channels >= kLanes && g.out_channels >= kLanes &&
         tiles * kPoints * 4 <= g.out_width * kTaps * 3;
}

// y[h, w][o] = start + sum over a, b < 3, i < x.channels of
//              x[h + a - pad_top, w + b - pad_left][i] * weights[a, b, i][o],
// where x is 0 outside its image, whatever its halo holds.
struct Product {
  ConstChannelView x;
  int pad_top, pad_left;
  // Rows of output lanes: which is that of (0, 0, 0), and how many rows lead on from tap to tap.
  // Rows have `weight_width` floats; or, where that is 0, each tile of vectors has rows of its own.
  const float* weights;
  int weight_first, weight_row, weight_column, weight_width;
  const float* bias;      // what the sums start from: null or a number for each o;
  ConstChannelView base;  // or data null, or a number for each of y
  bool relu_after;
  ChannelView y;
};

// A number that is not finite reaches the four outputs of each tile that sees it.
void multiply(Team& team, const Product& product);

// The same with 2x2 max pooling: to y and code instead of product.y, which has no data.
void multiply_pool(Team& team, const Product& product, const ChannelView& y,
                   const ChannelCodes& code);

// What forward multiplies.
inline Product forward_product(const Conv2dGeometry& g, const ConstChannelView& x,
                               const float* kernel, const float* bias, bool relu_after,
                               const ChannelView& y) {
  return {
      x,    g.pad_top, g.pad_left, kernel, 0, kTaps * g.in_channels, g.in_channels, g.out_channels,
      bias, {},        relu_after, y};
}

// dkernel = or += the gradient of the taps, as backward_params.
void sum_kernel(Team& team, const Conv2dGeometry& g, const ConstChannelView& x,
                const ConstChannelView& dz, bool accumulate, float* scratch, float* dkernel);
std::int64_t sum_kernel_scratch(const Conv2dGeometry& g, int images);

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
