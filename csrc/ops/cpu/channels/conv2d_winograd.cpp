#include "ops/cpu/channels/conv2d_winograd_product.h"

// Band by band: six columns of x to their values at the points, for each point the product of
// pixels and weights that the plain passes make as well, and back to four columns of y. From block
// to block of input channels the sums are kept in y.
namespace pycnn::cpu::PYCNN_ISA::channels::winograd {
namespace {

// What the sums of an output pixel start from, and how far it is to the next pixel's.
struct Start {
  const float* data;
  std::int64_t step;
};

PYCNN_INLINE Start start_of(const Product& p, const Block& block, const Band& band, int row,
                            int column) {
  const int lane = block.vector * W;
  if (block.channel > 0) return {p.y.at(band.image, row, column) + lane, p.y.pixel()};
  if (p.base.data != nullptr) {
    return {p.base.at(band.image, row, column) + lane, p.base.pixel()};
  }
  return {p.bias != nullptr ? p.bias + lane : nullptr, 0};
}

// To y.
void transform_sums(const Product& p, const Block& block, const Band& band, bool relu_after,
                    const float* from) {
  const int width = block.width();
  const std::int64_t point = std::int64_t{band.positions()} * width;
  const std::int64_t pixel = p.y.pixel();
  for (int r = 0; r < band.rows; ++r) {
    for (int t = 0; t < band.tiles; ++t) {
      const int column = (band.tile + t) * kTileColumns;
      const int columns = p.y.width - column < kTileColumns ? p.y.width - column : kTileColumns;
      float* to = p.y.at(band.image, band.row + r, column) + block.vector * W;
      const Start start = start_of(p, block, band, band.row + r, column);
      for (int o = 0; o < width; o += W, from += W) {
        V m[kPoints], y[kTileColumns];
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) m[k] = load(from + k * point);
        points_to_columns(m, y);
        for (int j = 0; j < columns; ++j) {
          if (start.data != nullptr) {
            y[j] += kScale * load_unaligned(start.data + j * start.step + o);
          }
          y[j] *= 1.0f / kScale;
          store(to + j * pixel + o, relu_after ? relu(y[j]) : y[j]);
        }
      }
    }
  }
}

// The rows from `begin` to `end`, counted through all images, of a tile of output vectors.
void multiply_rows(const Product& p, int vector, int vectors, std::int64_t begin, std::int64_t end,
                   Values& values) {
  const int tiles = (p.y.width + kTileColumns - 1) / kTileColumns;
  for_blocks(p, vector, vectors, [&](const Block& block, bool last) {
    transform_weights(p, block, values.weights);
    for_bands(tiles, p.y.height, begin, end, 1, [&](const Band& band) {
      transform_x({p.x, p.pad_top, p.pad_left, block.channel, block.step()}, band, values.x);
      multiply_points(p, block, band, false, values);
      transform_sums(p, block, band, p.relu_after && last, values.sums);
    });
  });
}

}  // namespace

void multiply(Team& team, const Product& p) {
  auto& values = *reinterpret_cast<Values*>(team.workspace());
  for_tiles(team, vectors_of(p.y.channels), std::int64_t{p.y.images} * p.y.height,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              for_row_groups(begin, end, p.y.width, [&](std::int64_t first, std::int64_t last) {
                multiply_rows(p, vector, vectors, first, last, values);
              });
            });
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
