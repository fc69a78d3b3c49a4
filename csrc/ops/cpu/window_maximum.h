#pragma once
// What conv2d's kernels with 2x2 max pooling make of a window.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

// The largest of a window's four values, and which it was: the first of equals, the last NaN. With
// ReLU the place is 4 where nothing comes through.
PYCNN_INLINE void window_maximum(const V (&values)[4], bool relu_after, V& best, VI& place) {
  best = values[0];
  place = VI{};
  PYCNN_UNROLL
  for (int p = 1; p < 4; ++p) {
    const VI wins = (values[p] > best) | (values[p] != values[p]);
    best = wins ? values[p] : best;
    place = wins ? splat_int(p) : place;
  }
  if (relu_after) {
    place = best > V{} ? place : splat_int(4);
    best = relu(best);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
