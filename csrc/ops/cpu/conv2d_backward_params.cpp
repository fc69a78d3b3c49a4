#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_sum.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Tile of kernel taps x output channels.
constexpr int kTaps = kAccumulators == 24 ? 6 : 4;
constexpr int kTapChannels = kAccumulators / kTaps;

// J taps that lie one after another in x times O output channels, summed over all positions and
// images.
template <int J, int O>
void backward_kernel_tile(const Conv2dGeometry& g, const float* x, std::int64_t x_row,
                          const float* dz, std::int64_t dz_row, bool accumulate, float* dkernel) {
  const std::int64_t x_step = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  const std::int64_t dz_step = std::int64_t{g.out_channels} * kLanes;
  V acc[J][O];
  start<J, O>(nullptr, acc);
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      const float* xi = x + oh * x_row + lane;
      const float* d = dz + oh * dz_row + lane;
      for (int ow = 0; ow < g.out_width; ++ow, xi += x_step, d += dz_step) {
        V v[O];
        PYCNN_UNROLL
        for (int o = 0; o < O; ++o) v[o] = load(d + o * kLanes);
        PYCNN_UNROLL
        for (int j = 0; j < J; ++j) {
          const V xj = load(xi + j * kLanes);
          PYCNN_UNROLL
          for (int o = 0; o < O; ++o) acc[j][o] += xj * v[o];
        }
      }
    }
  }
  write_sums(acc, dkernel, g.out_channels, accumulate);
}

// The output channels `first` to `first + count`, which all see the input channels from x_first
// on; the kernel in runs as in forward.
void backward_kernel(const Conv2dGeometry& g, const Sum& runs, const float* x_first,
                     std::int64_t x_row, ConstView dz, int first, int count, bool accumulate,
                     float* dkernel) {
  const Split taps(runs.inner, kTaps), channels(count, kTapChannels);
  for (int ct = 0, o = first; ct < channels.parts; o += channels.size(ct++)) {
    for (int run = 0; run < runs.rows * runs.columns; ++run) {
      const float* x_run =
          x_first + run / runs.columns * runs.x_row + run % runs.columns * runs.x_column;
      for (int jt = 0, j = 0; jt < taps.parts; j += taps.size(jt++)) {
        dispatch<kTaps>(taps.size(jt), [&](auto nj) {
          dispatch<kTapChannels>(channels.size(ct), [&](auto no) {
            backward_kernel_tile<nj.value, no.value>(
                g, x_run + std::int64_t{j} * kLanes, x_row, dz.at(0, 0, o), dz.row, accumulate,
                dkernel + (std::int64_t{run} * runs.inner + j) * g.out_channels + o);
          });
        });
      }
    }
  }
}

}  // namespace

void conv2d_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                            float* dkernel, float* dbias) {
  const Sum runs = rows_are_runs(g) ? sum_over_rows(g, x) : sum_over_columns(g, x);
  const int inputs = g.in_channels / g.groups, outputs = g.out_channels / g.groups;
  for (int k = 0; k < g.groups; ++k) {
    backward_kernel(g, runs, x.at(-g.pad_top, -g.pad_left, k * inputs), g.stride_height * x.row, dz,
                    k * outputs, outputs, accumulate, dkernel);
  }
  if (dbias != nullptr) backward_bias(dz, accumulate, dbias);
}

}  // namespace pycnn::cpu::PYCNN_ISA
