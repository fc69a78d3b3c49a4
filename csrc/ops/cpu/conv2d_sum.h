#pragma once
// The sum over the kernel that conv2d's forward passes make, with and without pooling.

#include "ops/cpu/conv2d_tile.h"

namespace pycnn::cpu::PYCNN_ISA {

// What the sums of one tile run over: `rows` x `columns` runs of `inner` values that lie one after
// another in x and, `channels` apart, in the kernel; the kernel's runs follow each other.
struct Sum {
  int rows, columns, inner;
  std::int64_t x_row, x_column, channels;
};

// Without groups and gaps between kernel columns, a kernel row is one run of (kernel column,
// channel) pairs.
PYCNN_INLINE bool rows_are_runs(const Conv2dGeometry& g) {
  return g.groups == 1 && (g.dilation_width == 1 || g.kernel_width == 1);
}

PYCNN_INLINE Sum sum_over_rows(const Conv2dGeometry& g, ConstView x) {
  return {g.kernel_height,           1, g.kernel_width * g.in_channels,
          g.dilation_height * x.row, 0, g.out_channels};
}

// Of one group; any geometry.
PYCNN_INLINE Sum sum_over_columns(const Conv2dGeometry& g, ConstView x) {
  return {g.kernel_height,
          g.kernel_width,
          g.in_channels / g.groups,
          g.dilation_height * x.row,
          std::int64_t{g.dilation_width} * g.in_channels * kLanes,
          g.out_channels};
}

// acc[p][o] += sum of x at pixel offset p times the kernel's channel o. `Rows` says that
// sum.columns is 1: the usual convolution does without that loop.
template <bool Rows, int P, int O>
PYCNN_INLINE void accumulate(const Sum& sum, const float* x, const std::int64_t (&pixel)[P],
                             const float* kernel, V (&acc)[P][O]) {
  for (int a = 0; a < sum.rows; ++a, x += sum.x_row) {
    const int columns = Rows ? 1 : sum.columns;
    for (int b = 0; b < columns; ++b) {
      const float* xi = Rows ? x : x + b * sum.x_column;
      for (int i = 0; i < sum.inner; ++i, xi += kLanes, kernel += sum.channels) {
        V v[P];
        PYCNN_UNROLL
        for (int p = 0; p < P; ++p) v[p] = load(xi + pixel[p]);
        PYCNN_UNROLL
        for (int o = 0; o < O; ++o) {
          const V weight = splat(kernel[o]);
          PYCNN_UNROLL
          for (int p = 0; p < P; ++p) acc[p][o] += v[p] * weight;
        }
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
