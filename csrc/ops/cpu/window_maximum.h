#pragma once
// What conv2d's kernels with 2x2 max pooling make of a window.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

// The value that wins, first in each row, then between the rows, and where it is.
template <typename Wins>
PYCNN_INLINE void window_winner(const V (&values)[4], Wins wins, V& best, VI& place) {
  const VI right = wins(values[1], values[0]), lower_right = wins(values[3], values[2]);
  const V upper = right ? values[1] : values[0], lower = lower_right ? values[3] : values[2];
  const VI below = wins(lower, upper);
  best = below ? lower : upper;
  place = below ? lower_right ? splat_int(3) : splat_int(2) : right ? splat_int(1) : VI{};
}

PYCNN_INLINE void relu_window(V& best, VI& place) {
  place = best > V{} ? place : splat_int(4);
  best = relu(best);
}

// The largest of a window's four values, and which it was: the first of equals, the last NaN. With
// ReLU the place is 4 where nothing comes through.
PYCNN_INLINE void window_maximum(const V (&values)[4], bool relu_after, V& best, VI& place) {
  window_winner(values, [](V v, V before) { return VI((v > before) | (v != v)); }, best, place);
  if (relu_after) relu_window(best, place);
}

// The same in fewer steps: with an infinite value or a NaN among the four the result is NaN, and
// the place any.
PYCNN_INLINE void finite_window_maximum(const V (&values)[4], bool relu_after, V& best, VI& place) {
  window_winner(values, [](V v, V before) { return VI(v > before); }, best, place);
  best += 0.0f * ((values[0] + values[1]) + (values[2] + values[3]));
  if (relu_after) relu_window(best, place);
}

}  // namespace pycnn::cpu::PYCNN_ISA
