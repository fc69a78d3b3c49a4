#pragma once
// W vectors as a matrix: transposed, and the sums of their lanes.

#include <utility>

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

// Lanes of a and b in turns of Step: of two blocks of lanes, the first or the second of each.
template <int Step, int Second, int... Lane>
PYCNN_INLINE V merge(V a, V b, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(
      a, b, ((Lane & Step) != 0 ? W + (Lane & ~Step) + Second * Step : Lane + Second * Step)...);
}

template <int Step = 1>
PYCNN_INLINE void transpose(V (&rows)[W]) {
  using Lanes = std::make_integer_sequence<int, W>;
  PYCNN_UNROLL
  for (int r = 0; r < W; ++r) {
    if ((r & Step) != 0) continue;
    const V a = rows[r], b = rows[r + Step];
    rows[r] = merge<Step, 0>(a, b, Lanes());
    rows[r + Step] = merge<Step, 1>(a, b, Lanes());
  }
  if constexpr (Step * 2 < W) transpose<Step * 2>(rows);
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
