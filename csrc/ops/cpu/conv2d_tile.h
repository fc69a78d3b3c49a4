#pragma once
// What the passes of conv2d and depthwise_conv2d share.

#include "ops/conv2d.h"
#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {

// Tile sizes of forward and backward_input: pixels x channels.
inline constexpr int kPixels = kAccumulators == 24 ? 4 : 3;
inline constexpr int kChannels = kAccumulators / kPixels;

// acc[p][o] = bias[o], or 0.
template <int P, int O>
PYCNN_INLINE void start(const float* bias, V (&acc)[P][O]) {
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V b = bias != nullptr ? splat(bias[o]) : V{};
    PYCNN_UNROLL
    for (int p = 0; p < P; ++p) acc[p][o] = b;
  }
}

// For backward_input. Along one axis, the input positions r, r + stride, ... share a phase: they
// see the kernel taps first, first + stride, ..., and position r + stride * b sees output b + shift
// - u * dilation through tap first + stride * u. Stride or dilation is 1.
struct Phase {
  int start, positions, first, taps, shift, dilation;
  Phase(int r, int in, int kernel, int stride, int pad, int gap)
      : start(r),
        positions((in - r - 1) / stride + 1),
        first((r + pad) % stride),
        taps(first < kernel ? (kernel - first - 1) / stride + 1 : 0),
        shift((r + pad) / stride),
        dilation(gap) {}
};

// The taps of a phase through which its position b sees outputs that exist; `count` may be
// negative when there are none.
struct Taps {
  int begin, count;
  Taps(const Phase& phase, int b, int out) {
    const int seen = b + phase.shift, beyond = seen - (out - 1);
    begin = beyond > 0 ? (beyond + phase.dilation - 1) / phase.dilation : 0;
    const int reach = seen / phase.dilation;
    count = (reach < phase.taps - 1 ? reach : phase.taps - 1) - begin + 1;
  }
};

// db = sum of dz over positions and images; adds when `accumulate`.
PYCNN_INLINE void backward_bias(ConstView dz, bool accumulate, float* dbias) {
  for (int o = 0; o < dz.channels; ++o) {
    V acc[1][1] = {{V{}}};
    for (int lane = 0; lane < kLanes; lane += W) {
      for (int h = 0; h < dz.height; ++h) {
        for (int w = 0; w < dz.width; ++w) acc[0][0] += load(dz.at(h, w, o) + lane);
      }
    }
    write_sums(acc, dbias + o, 1, accumulate);
  }
}

// The same from the pooled gradient; where the code is 4 none comes through.
PYCNN_INLINE void backward_pooled_bias(ConstView dy, const std::uint8_t* code, bool accumulate,
                                       float* dbias) {
  const std::int64_t step = std::int64_t{dy.channels} * kLanes;
  for (int o = 0; o < dy.channels; ++o) {
    V acc[1][1] = {{V{}}};
    for (int lane = 0; lane < kLanes; lane += W) {
      const std::uint8_t* c = code + std::int64_t{o} * kLanes + lane;
      for (int h = 0; h < dy.height; ++h) {
        for (int w = 0; w < dy.width; ++w, c += step) {
          acc[0][0] += load_bytes(c) == 4 ? V{} : load(dy.at(h, w, o) + lane);
        }
      }
    }
    write_sums(acc, dbias + o, 1, accumulate);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
