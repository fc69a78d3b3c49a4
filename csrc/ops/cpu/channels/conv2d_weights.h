#pragma once
// The weights of a block for the forward passes: one tile of output channels, a run of input
// channels, all taps.

#include "ops/conv2d.h"
#include "ops/cpu/channels/conv2d_product.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

// Of `vectors` output vectors from `vector` on and `count` input channels from `channel` on.
struct WeightBlock {
  int vector, vectors, channel, count;
};

struct Weights {
  const float* data;
  Sum sum;
};

PYCNN_INLINE Sum forward_sum(const Conv2dGeometry& g, const ConstChannelView& x, int inner,
                             int taps_apart, int weight) {
  const std::int64_t column = std::int64_t{taps_apart} * weight;
  // Pixels without gaps: a kernel row is one run of (column, channel) pairs, here as in the
  // weights.
  const bool run = x.pixel() == inner && taps_apart == inner && g.dilation_width == 1;
  if (run) {
    return {g.kernel_height,
            1,
            g.kernel_width * inner,
            g.dilation_height * x.row,
            0,
            g.kernel_width * column,
            0,
            weight};
  }
  return {g.kernel_height,
          g.kernel_width,
          inner,
          g.dilation_height * x.row,
          g.dilation_width * x.pixel(),
          g.kernel_width * column,
          column,
          weight};
}

// Where the output channels make several tiles and a block is small enough, its weights are copied
// to `packed`, of kBlockFloats floats: read from the kernel itself they would lie scattered over
// many pages, in few sets of the caches.
inline Weights block_weights(const Conv2dGeometry& g, const ConstChannelView& x,
                             const float* kernel, const WeightBlock& block, float* packed) {
  const int width = block.vectors * W, taps = g.kernel_height * g.kernel_width;
  const float* from =
      kernel + std::int64_t{block.channel} * g.out_channels + std::int64_t{block.vector} * W;
  if (vectors_of(g.out_channels) == block.vectors ||
      std::int64_t{taps} * block.count * width > kBlockFloats) {
    return {from, forward_sum(g, x, block.count, g.in_channels, g.out_channels)};
  }
  float* to = packed;
  for (int tap = 0; tap < taps; ++tap) {
    const float* row = from + std::int64_t{tap} * g.in_channels * g.out_channels;
    for (int i = 0; i < block.count; ++i, row += g.out_channels) {
      for (int o = 0; o < width; o += W, to += W) store(to, load_unaligned(row + o));
    }
  }
  return {packed, forward_sum(g, x, block.count, block.count, width)};
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
