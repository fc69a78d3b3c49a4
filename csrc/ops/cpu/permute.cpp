#include "ops/permute.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Elements from one index of an axis to the next, for a view whose last axis is the channels, the
// one before it the width, and all others the height, one after another.
void axis_strides(int rank, const int* size, std::int64_t row, int channels,
                  std::int64_t* strides) {
  for (int axis = rank - 1, from_end = 0; axis >= 0; --axis, ++from_end) {
    if (from_end == 0) strides[axis] = kLanes;
    if (from_end == 1) strides[axis] = std::int64_t{channels} * kLanes;
    if (from_end == 2) strides[axis] = row;
    if (from_end > 2) strides[axis] = strides[axis + 1] * size[axis + 1];
  }
}

void forward(const PermuteGeometry& g, ConstView x, View y) {
  int x_size[kPermuteRank];
  for (int i = 0; i < g.rank; ++i) x_size[g.from[i]] = g.size[i];
  std::int64_t x_strides[kPermuteRank], y_strides[kPermuteRank];
  axis_strides(g.rank, x_size, x.row, x.channels, x_strides);
  axis_strides(g.rank, g.size, y.row, y.channels, y_strides);
  const int last = g.rank - 1;
  const std::int64_t x_step = x_strides[g.from[last]], y_step = y_strides[last];
  int index[kPermuteRank] = {};
  for (;;) {
    const float* from = x.data;
    float* to = y.data;
    for (int i = 0; i < last; ++i) {
      from += index[i] * x_strides[g.from[i]];
      to += index[i] * y_strides[i];
    }
    for (int i = 0; i < g.size[last]; ++i, from += x_step, to += y_step) {
      PYCNN_UNROLL
      for (int lane = 0; lane < kLanes; lane += W) store(to + lane, load(from + lane));
    }
    int axis = last - 1;  // the next index of all axes but the last
    while (axis >= 0 && ++index[axis] == g.size[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

}  // namespace

extern const PermuteKernels permute_kernels;
const PermuteKernels permute_kernels{forward};

}  // namespace pycnn::cpu::PYCNN_ISA
