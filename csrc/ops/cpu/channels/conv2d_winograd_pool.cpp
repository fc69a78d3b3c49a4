#include "ops/cpu/channels/conv2d_winograd_product.h"
#include "ops/cpu/window_maximum.h"

// The product with 2x2 max pooling: a tile of four columns has two windows. All blocks of input
// channels are summed at the points before a band goes back to columns.
namespace pycnn::cpu::PYCNN_ISA::channels::winograd {
namespace {

constexpr int kWindows = kTileColumns / 2;

// Four columns of the convolution, of one vector.
PYCNN_INLINE void convolved(const float* sums, std::int64_t point, V start, V (&y)[kTileColumns]) {
  V m[kPoints];
  PYCNN_UNROLL
  for (int k = 0; k < kPoints; ++k) m[k] = load(sums + k * point);
  points_to_columns(m, y);
  PYCNN_UNROLL
  for (int j = 0; j < kTileColumns; ++j) y[j] = (y[j] + start) * (1.0f / kScale);
}

// To y and code, for the vectors of a tile from `vector` on.
void pool_sums(const Product& p, int vector, int vectors, const Band& band, const float* sums,
               const ChannelView& y, const ChannelCodes& code) {
  const int width = vectors * W;
  const std::int64_t row = std::int64_t{band.tiles} * width;
  const std::int64_t point = band.rows * row;
  for (int r = 0; r < band.rows; r += 2, sums += row) {
    const int h = (band.row + r) / 2;
    for (int t = 0; t < band.tiles; ++t) {
      const int column = (band.tile + t) * kWindows;
      for (int o = 0; o < width; o += W, sums += W) {
        const int lane = vector * W + o;
        const V start = p.bias != nullptr ? kScale * load_unaligned(p.bias + lane) : V{};
        V upper[kTileColumns], lower[kTileColumns];
        convolved(sums, point, start, upper);
        convolved(sums + row, point, start, lower);
        for (int j = 0; j < kWindows && column + j < y.width; ++j) {
          const V values[4] = {upper[2 * j], upper[2 * j + 1], lower[2 * j], lower[2 * j + 1]};
          V best;
          VI place;
          finite_window_maximum(values, p.relu_after, best, place);
          store(y.at(band.image, h, column + j) + lane, best);
          store_bytes(code.at(band.image, h, column + j) + lane, place);
        }
      }
    }
  }
}

}  // namespace

void multiply_pool(Team& team, const Product& p, const ChannelView& y, const ChannelCodes& code) {
  auto& values = *reinterpret_cast<Values*>(team.workspace());
  const int tiles = (y.width + kWindows - 1) / kWindows;
  for_tiles(team, vectors_of(y.channels), std::int64_t{y.images} * y.height,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              for_bands(tiles, 2 * y.height, 2 * begin, 2 * end, 2, [&](const Band& band) {
                for_blocks(p, vector, vectors, [&](const Block& block, bool) {
                  transform_weights(p, block, values.weights);
                  transform_x({p.x, p.pad_top, p.pad_left, block.channel, block.step()}, band,
                              values.x);
                  multiply_points(p, block, band, block.channel > 0, values);
                });
                pool_sums(p, vector, vectors, band, values.sums, y, code);
              });
            });
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
