#pragma once
// Sums over height and width, channel by channel. A position's channels lie one after another, so
// several channels are summed at once, each vector of lanes in a register of its own, while the
// positions are walked in order of memory.

#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {

inline constexpr int kParts = kLanes / W;  // vectors that hold one channel of a block

// Adds term(h, w, i) over all positions, for the vectors i of 0..N: first along each row, then the
// rows, which rounds less than one long sum.
template <int N, typename F>
PYCNN_INLINE void sum_positions(int height, int width, V (&total)[N], F term) {
  PYCNN_UNROLL
  for (int i = 0; i < N; ++i) total[i] = V{};
  for (int h = 0; h < height; ++h) {
    V row[N] = {};
    for (int w = 0; w < width; ++w) {
      PYCNN_UNROLL
      for (int i = 0; i < N; ++i) row[i] += term(h, w, i);
    }
    PYCNN_UNROLL
    for (int i = 0; i < N; ++i) total[i] += row[i];
  }
}

// Calls f(Constant<n>(), c) for groups of n channels from c on, n at most Most.
template <int Most, typename F>
PYCNN_INLINE void for_channel_groups(int channels, F f) {
  const Split groups(channels, Most);
  int c = 0;
  for (int i = 0; i < groups.parts; ++i) {
    const int first = c, size = groups.size(i);
    dispatch<Most>(size, [&](auto n) { f(n, first); });
    c += size;
  }
}

// The sum over lanes of channel c of a group, whose vectors are in `sums`.
template <int N>
PYCNN_INLINE float sum_channel(const V (&sums)[N], int c) {
  V v = sums[c * kParts];
  PYCNN_UNROLL
  for (int i = 1; i < kParts; ++i) v += sums[c * kParts + i];
  return sum_lanes(v);
}

}  // namespace pycnn::cpu::PYCNN_ISA
