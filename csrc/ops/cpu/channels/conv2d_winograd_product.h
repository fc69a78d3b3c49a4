#pragma once
// The product of Winograd's filtering for a band of rows, up to the sums at the points: with
// pooling and without.

#include "ops/cpu/channels/conv2d_winograd_bands.h"

namespace pycnn::cpu::PYCNN_ISA::channels::winograd {

// At the points, for a band of rows.
struct Values {
  alignas(64) float weights[kPoints * kTaps * kChannels * kTileVectors * W];
  alignas(64) float x[kBandValues];
  alignas(64) float sums[kPoints * kBandTiles * kTileVectors * W];
};

static_assert(sizeof(Values) <= kWorkspaceBytes);

// Output vectors and input channels.
struct Block {
  int vector, vectors, channel, count;

  int width() const { return vectors * W; }
  int step() const { return vectors_of(count) * W; }
};

// To [point][row][channel][lane].
inline void transform_weights(const Product& p, const Block& block, float* to) {
  const int width = block.width();
  const std::int64_t point = std::int64_t{kTaps} * block.count * width;
  const std::int64_t rows = std::int64_t{kTaps} * kTaps * p.x.channels;
  const std::int64_t line = p.weight_width > 0 ? p.weight_width : width;
  const std::int64_t column = p.weight_column * line;
  const float* tile = p.weights + block.vector * W * (p.weight_width > 0 ? 1 : rows);
  for (int a = 0; a < kTaps; ++a) {
    for (int i = 0; i < block.count; ++i) {
      const float* from = tile + (p.weight_first + a * p.weight_row + block.channel + i) * line;
      for (int o = 0; o < width; o += W, to += W) {
        V w[kTaps], u[kPoints];
        PYCNN_UNROLL
        for (int b = 0; b < kTaps; ++b) w[b] = load_unaligned(from + b * column + o);
        taps_to_points(w, u);
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) store(to + k * point, u[k]);
      }
    }
  }
}

// Calls f(block, whether it is the last) for the blocks of a tile of output vectors.
template <typename F>
PYCNN_INLINE void for_blocks(const Product& p, int vector, int vectors, F f) {
  const Split blocks(p.x.vectors(), kChannels / kLanes);
  for (int k = 0, channel = 0; k < blocks.parts; channel += kLanes * blocks.size(k++)) {
    const int left = p.x.channels - channel, most = kLanes * blocks.size(k);
    f(Block{vector, vectors, channel, left < most ? left : most}, k == blocks.parts - 1);
  }
}

// sums[point][row][tile][lane] = or += the products.
inline void multiply_points(const Product& p, const Block& block, const Band& band, bool accumulate,
                            Values& values) {
  const int step = block.step(), width = block.width();
  const std::int64_t x_point = std::int64_t{band.rows + kTaps - 1} * band.tiles * step;
  const std::int64_t row = std::int64_t{block.count} * width;
  const Sum sum{kTaps, 1, block.count, std::int64_t{band.tiles} * step, 0, row, 0, width};
  for (int k = 0; k < kPoints; ++k) {
    prefetch_band(p.x, band, band.rows + 1, k);
    if (p.y.data != nullptr) prefetch_band(as_const(p.y), band, band.rows, k);
    if (p.base.data != nullptr) prefetch_band(p.base, band, band.rows, k);
    float* sums = values.sums + std::int64_t{k} * band.positions() * width;
    const Row pixels{
        values.x + k * x_point, step, accumulate ? sums : nullptr, width, sums, width, false};
    channels::product(block.vectors, sum, pixels, band.positions(),
                      values.weights + k * kTaps * row);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
