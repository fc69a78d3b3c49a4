#pragma once
// Register tiles: run-time tile sizes turned into template arguments.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

template <int N>
struct Constant {
  static constexpr int value = N;
};

// Calls f(Constant<n>()) for n in 1..Max.
template <int Max, typename F>
PYCNN_INLINE void dispatch(int n, F f) {
  if constexpr (Max > 1) {
    if (n != Max) return dispatch<Max - 1>(n, f);
  }
  f(Constant<Max>());
}

// Calls f(first, Constant<n>()) for parts of at most Max of `count` vectors.
template <int Max, typename F>
PYCNN_INLINE void for_parts(std::int64_t count, F f) {
  const Split parts(static_cast<int>(count), Max);
  for (int t = 0, first = 0; t < parts.parts; first += parts.size(t++)) {
    dispatch<Max>(parts.size(t), [&](auto n) { f(first, n); });
  }
}

// Writes the sum over lanes of each accumulator to out[i * row + j], or adds it there.
template <int I, int J>
PYCNN_INLINE void write_sums(const V (&acc)[I][J], float* out, std::int64_t row, bool accumulate) {
  for (int i = 0; i < I; ++i) {
    for (int j = 0; j < J; ++j) {
      const float sum = sum_lanes(acc[i][j]);
      float& to = out[i * row + j];
      to = accumulate ? to + sum : sum;
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
