#pragma once
// What conv2d's kernels with 2x2 max pooling make of a window.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

// The largest of a window's four values, and which it was: the first of equals, the last NaN. With
// ReLU the place is 4 where nothing comes through.
PYCNN_INLINE void window_maximum(const V (&values)[4], bool relu_after, V& best, VI& place) {
  // Whether a value wins over those before it, first in each row, then between the rows.
  const auto wins = [](V v, V before) { return VI((v > before) | (v != v)); };
  const VI above = wins(values[1], values[0]), below = wins(values[3], values[2]);
  const V upper = above ? values[1] : values[0], lower = below ? values[3] : values[2];
  const VI is_lower = wins(lower, upper);
  best = is_lower ? lower : upper;
  place = is_lower ? below ? splat_int(3) : splat_int(2) : above ? splat_int(1) : VI{};
  if (relu_after) {
    place = best > V{} ? place : splat_int(4);
    best = relu(best);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
