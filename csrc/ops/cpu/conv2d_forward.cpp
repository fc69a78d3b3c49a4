#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_sum.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// P neighbouring pixels of a row, `x_step` apart in x, times O channels, written to y.
template <bool Rows, int P, int O>
void forward_tile(const Sum& sum, const float* x, std::int64_t x_step, const float* kernel,
                  const float* bias, bool relu_after, float* y) {
  std::int64_t pixel[P];
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) pixel[p] = p * x_step;
  V acc[P][O];
  start(bias, acc);
  accumulate<Rows>(sum, x, pixel, kernel, acc);
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) {
      store(y + (p * sum.channels + o) * kLanes, relu_after ? relu(acc[p][o]) : acc[p][o]);
    }
  }
}

// One output row of `count` channels from `first` on, which all see the input channels
// from x_row on.
template <bool Rows>
void forward_row(const Conv2dGeometry& g, const Sum& sum, const float* x_row, const float* kernel,
                 const float* bias, bool relu_after, int first, int count, float* y) {
  const Split pixels(g.out_width, kPixels), channels(count, kChannels);
  const std::int64_t x_step = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  for (int ct = 0, o = first; ct < channels.parts; o += channels.size(ct++)) {
    for (int pt = 0, ow = 0; pt < pixels.parts; ow += pixels.size(pt++)) {
      dispatch<kPixels>(pixels.size(pt), [&](auto p) {
        dispatch<kChannels>(channels.size(ct), [&](auto c) {
          forward_tile<Rows, p.value, c.value>(sum, x_row + ow * x_step, x_step, kernel + o,
                                               bias != nullptr ? bias + o : nullptr, relu_after,
                                               y + (ow * sum.channels + o) * kLanes);
        });
      });
    }
  }
}

}  // namespace

void conv2d_forward(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                    bool relu_after, View y) {
  const bool rows = rows_are_runs(g);
  const Sum sum = rows ? sum_over_rows(g, x) : sum_over_columns(g, x);
  const int inputs = g.in_channels / g.groups, outputs = g.out_channels / g.groups;
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      const float* x_row = x.at(oh * g.stride_height - g.pad_top, -g.pad_left) + lane;
      float* y_row = y.at(oh, 0) + lane;
      if (rows) {
        forward_row<true>(g, sum, x_row, kernel, bias, relu_after, 0, outputs, y_row);
        continue;
      }
      for (int k = 0; k < g.groups; ++k) {
        forward_row<false>(g, sum, x_row + std::int64_t{k} * inputs * kLanes, kernel, bias,
                           relu_after, k * outputs, outputs, y_row);
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
