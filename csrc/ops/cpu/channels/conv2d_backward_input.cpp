#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/channels/conv2d_product.h"
#include "ops/cpu/channels/conv2d_winograd.h"
#include "ops/cpu/conv2d_tile.h"
#include "ops/cpu/transpose.h"

namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

// A tap's weights for one vector of input channels, of which `channels` exist: from rows of output
// channels to rows of W input channels, `to_row` floats apart.
void transpose_vector(const float* from, int channels, int outputs, float* to,
                      std::int64_t to_row) {
  for (int o = 0; o < outputs; o += W) {
    V rows[W];
    PYCNN_UNROLL
    for (int i = 0; i < W; ++i) {
      rows[i] = i < channels ? load_unaligned(from + std::int64_t{i} * outputs + o) : V{};
    }
    transpose(rows);
    PYCNN_UNROLL
    for (int i = 0; i < W; ++i) {
      if (o + i < outputs) store(to + (o + i) * to_row, rows[i]);
    }
  }
}

// The kernel with input channels in the lanes: for each tile of input channels
// [tap][output channel][lanes of the tile]. Lanes beyond the last channel are 0.
void transpose_kernel(const Team& team, const Conv2dGeometry& g, const float* kernel,
                      float* transposed) {
  const std::int64_t taps = std::int64_t{g.kernel_height} * g.kernel_width;
  for_tiles(team, vectors_of(g.in_channels), taps,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              const std::int64_t width = std::int64_t{vectors} * W;
              float* tile = transposed + vector * W * taps * g.out_channels;
              for (std::int64_t tap = begin; tap < end; ++tap) {
                for (int v = 0; v < vectors; ++v) {
                  const int first = (vector + v) * W;
                  transpose_vector(kernel + (tap * g.in_channels + first) * g.out_channels,
                                   g.in_channels - first, g.out_channels,
                                   tile + tap * width * g.out_channels + v * W, width);
                }
              }
            });
}

// The output channels of a block, and the transposed weights of its tile.
struct Block {
  int vector, vectors, channel, count;
  const float* weights;
};

// Row h of image n of dx, the first block of output channels being added to `base`. The input
// positions of a row are walked by phase, since positions of different phases see different taps.
void backward_row(const Conv2dGeometry& g, const ConstChannelView& dz, const Block& block,
                  const ConstChannelView& base, const ChannelView& dx, std::int64_t n, int h) {
  const Phase v(h % g.stride_height, g.in_height, g.kernel_height, g.stride_height, g.pad_top,
                g.dilation_height);
  const int a = h / g.stride_height;
  const Taps rows(v, a, g.out_height);
  const int dz_row = a + v.shift - rows.begin * v.dilation;
  prefetch_row(dz, n, (h + 1 + g.pad_top) / g.stride_height);  // what row h + 1 reads first
  if (base.data != nullptr) prefetch_row(base, n, h + 1);
  const std::int64_t weight = std::int64_t{block.vectors} * W;
  const std::int64_t column = weight * g.out_channels, line = g.kernel_width * column;
  for (int q = 0; q < g.stride_width && q < g.in_width; ++q) {
    const Phase u(q, g.in_width, g.kernel_width, g.stride_width, g.pad_left, g.dilation_width);
    const Sum sum{rows.count,
                  u.taps,
                  block.count,
                  -v.dilation * dz.row,
                  -u.dilation * dz.pixel(),
                  g.stride_height * line,
                  g.stride_width * column,
                  weight};
    float* out = dx.at(n, h, q) + block.vector * W;
    const std::int64_t out_step = g.stride_width * dx.pixel();
    const float* start = block.channel > 0      ? out
                         : base.data != nullptr ? base.at(n, h, q) + block.vector * W
                                                : nullptr;
    const Row row{dz.at(n, dz_row, u.shift) + block.channel,
                  dz.pixel(),
                  start,
                  out_step,
                  out,
                  out_step,
                  false};
    product(block.vectors, sum, row, u.positions,
            block.weights + (v.first + rows.begin * g.stride_height) * line + u.first * column +
                block.channel * weight);
  }
}

}  // namespace

std::int64_t conv2d_backward_input_scratch(const Conv2dGeometry& g, int /*images*/) {
  return std::int64_t{g.kernel_height} * g.kernel_width * g.out_channels *
         vectors_of(g.in_channels) * W;
}

void conv2d_backward_input(Team& team, const Conv2dGeometry& g, ConstChannelView dz,
                           const float* kernel, float* scratch, ConstChannelView base,
                           ChannelView dx) {
  transpose_kernel(team, g, kernel, scratch);
  team.barrier();
  const std::int64_t taps = std::int64_t{g.kernel_height} * g.kernel_width;
  if (winograd::suits(g)) {
    // The kernel is walked from its last tap to its first.
    return winograd::multiply(
        team, {dz, winograd::kTaps - 1 - g.pad_top, winograd::kTaps - 1 - g.pad_left, scratch,
               (winograd::kTaps * winograd::kTaps - 1) * g.out_channels,
               -winograd::kTaps * g.out_channels, -g.out_channels, 0, nullptr, base, false, dx});
  }
  const std::int64_t rows = std::int64_t{dx.images} * dx.height;
  for_tiles(team, vectors_of(g.in_channels), rows,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              const float* weights = scratch + vector * W * taps * g.out_channels;
              const Split blocks(g.out_channels, block_terms(taps, vectors));
              for_row_groups(begin, end, dx.width, [&](std::int64_t first, std::int64_t last) {
                for (int k = 0, channel = 0; k < blocks.parts; channel += blocks.size(k++)) {
                  const Block block{vector, vectors, channel, blocks.size(k), weights};
                  for (std::int64_t r = first; r < last; ++r) {
                    backward_row(g, dz, block, base, dx, r / dx.height,
                                 static_cast<int>(r % dx.height));
                  }
                }
              });
            });
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
