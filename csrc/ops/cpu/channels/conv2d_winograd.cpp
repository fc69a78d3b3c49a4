#include "ops/cpu/channels/conv2d_winograd_bands.h"

// Band by band: six columns of x to their values at the points, for each point the product of
// pixels and weights that the plain passes make as well, and back to four columns of y. From block
// to block of input channels the sums are kept in y.
namespace pycnn::cpu::PYCNN_ISA::channels::winograd {
namespace {

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
void transform_weights(const Product& p, const Block& block, float* to) {
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

// To sums[point][row][tile][lane].
void multiply_points(const Product& p, const Block& block, const Band& band, Values& values) {
  const int step = block.step(), width = block.width();
  const std::int64_t x_point = std::int64_t{band.rows + kTaps - 1} * band.tiles * step;
  const std::int64_t row = std::int64_t{block.count} * width;
  const Sum sum{kTaps, 1, block.count, std::int64_t{band.tiles} * step, 0, row, 0, width};
  for (int k = 0; k < kPoints; ++k) {
    prefetch_band(p.x, band, band.rows + 1, k);
    prefetch_band(as_const(p.y), band, band.rows, k);
    if (p.base.data != nullptr) prefetch_band(p.base, band, band.rows, k);
    const Row pixels{values.x + k * x_point,
                     step,
                     nullptr,
                     0,
                     values.sums + std::int64_t{k} * band.positions() * width,
                     width,
                     false};
    channels::product(block.vectors, sum, pixels, band.positions(),
                      values.weights + k * kTaps * row);
  }
}

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
  const Split blocks(p.x.vectors(), kChannels / kLanes);
  for (int k = 0, channel = 0; k < blocks.parts; channel += kLanes * blocks.size(k++)) {
    const int left = p.x.channels - channel, most = kLanes * blocks.size(k);
    const Block block{vector, vectors, channel, left < most ? left : most};
    transform_weights(p, block, values.weights);
    for_bands(tiles, p.y.height, begin, end, [&](const Band& band) {
      transform_x({p.x, p.pad_top, p.pad_left, block.channel, block.step()}, band, values.x);
      multiply_points(p, block, band, values);
      transform_sums(p, block, band, p.relu_after && k == blocks.parts - 1, values.sums);
    });
  }
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
