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

// 0, or NaN where an infinite value or a NaN is among the four.
PYCNN_INLINE V zero_if_finite(const V (&values)[4]) {
  return 0.0f * ((values[0] + values[1]) + (values[2] + values[3]));
}

// The same in fewer steps: with an infinite value or a NaN among the four the result is NaN, and
// the place any.
PYCNN_INLINE void finite_window_maximum(const V (&values)[4], bool relu_after, V& best, VI& place) {
  window_winner(values, [](V v, V before) { return VI(v > before); }, best, place);
  best += zero_if_finite(values);
  if (relu_after) relu_window(best, place);
}

// Its value alone.
PYCNN_INLINE V finite_window_maximum(const V (&values)[4], bool relu_after) {
  const auto larger = [](V v, V before) { return v > before ? v : before; };
  const V upper = larger(values[1], values[0]), lower = larger(values[3], values[2]);
  const V best = larger(lower, upper) + zero_if_finite(values);
  return relu_after ? relu(best) : best;
}

}  // namespace pycnn::cpu::PYCNN_ISA
