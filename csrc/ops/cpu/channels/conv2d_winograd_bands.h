#pragma once
// Winograd's filtering band by band: what the product and the weights' gradient share.

#include "ops/cpu/channels/conv2d_product.h"
#include "ops/cpu/channels/conv2d_winograd.h"

namespace pycnn::cpu::PYCNN_ISA::channels::winograd {

// Tiles whose values stay in the cache: of a band of rows, at most kBandColumns side by side.
inline constexpr int kBandTiles = 64;
inline constexpr int kBandColumns = 8;
inline constexpr int kChannels = 32;  // of x at a time
inline constexpr int kBandValues = kPoints * (kBandTiles + (kTaps - 1) * kBandColumns) * kChannels;

// Rows of an image, and tiles of their columns.
struct Band {
  std::int64_t image;
  int row, rows, tile, tiles;

  int positions() const { return rows * tiles; }
};

// Calls f(band) for the rows from `begin` to `end`, counted through all images; `together` rows are
// in one band.
template <typename F>
PYCNN_INLINE void for_bands(int image_tiles, int image_rows, std::int64_t begin, std::int64_t end,
                            int together, F f) {
  const Split columns(image_tiles, kBandColumns);
  for (std::int64_t r = begin; r < end;) {
    const std::int64_t n = r / image_rows;
    const std::int64_t next = (n + 1) * image_rows < end ? (n + 1) * image_rows : end;
    for (int c = 0, tile = 0; c < columns.parts; tile += columns.size(c++)) {
      const int most = kBandTiles / columns.size(c) / together;
      const Split parts(static_cast<int>(next - r) / together, most);
      int row = static_cast<int>(r - n * image_rows);
      for (int i = 0; i < parts.parts; row += together * parts.size(i++)) {
        f(Band{n, row, together * parts.size(i), tile, columns.size(c)});
      }
    }
    r = next;
  }
}

// Asks for a part of the rows of the band after this one, which lie `ahead` rows further on: of as
// many parts as there are points, so that the memory is busy while the points are multiplied.
PYCNN_INLINE void prefetch_band(const ConstChannelView& x, const Band& band, int ahead, int part) {
  const int column = band.tile * kTileColumns;
  const int end = column + band.tiles * kTileColumns;
  const std::int64_t floats = ((end < x.width ? end : x.width) - column) * x.pixel();
  for (int r = band.rows * part / kPoints; r < band.rows * (part + 1) / kPoints; ++r) {
    const int h = band.row + ahead + r;
    const float* row =
        h < x.height ? x.at(band.image, h, column) : x.at(band.image + 1, h - x.height, column);
    for (std::int64_t i = 0; i < floats; i += kLanes) __builtin_prefetch(row + i, 0, 2);
  }
}

// Channels of an image around which there are zeros.
struct Padded {
  ConstChannelView x;
  int pad_top, pad_left;
  int channel, step;  // the first, and how many, in whole vectors
};

// Six columns from `column` on, of which those outside the row are 0.
PYCNN_INLINE void load_columns(const float* row, std::int64_t pixel, int column, int width,
                               V (&x)[kPoints]) {
  PYCNN_UNROLL
  for (int k = 0; k < kPoints; ++k) {
    const int w = column + k;
    x[k] = w >= 0 && w < width ? load(row + w * pixel) : V{};
  }
}

// To [point][row][tile][channel].
inline void transform_x(const Padded& p, const Band& band, float* to) {
  const int step = p.step;
  const std::int64_t pixel = p.x.pixel();
  const std::int64_t point = std::int64_t{band.rows + kTaps - 1} * band.tiles * step;
  for (int r = 0; r < band.rows + kTaps - 1; ++r) {
    const int h = band.row + r - p.pad_top;
    const bool inside = h >= 0 && h < p.x.height;
    const float* row = p.x.at(band.image, inside ? h : 0, 0) + p.channel;
    for (int t = 0; t < band.tiles; ++t) {
      const int column = (band.tile + t) * kTileColumns - p.pad_left;
      const bool whole = column >= 0 && column + kPoints <= p.x.width;
      for (int i = 0; i < step; i += W, to += W) {
        V x[kPoints], v[kPoints];
        if (!inside) {
          PYCNN_UNROLL
          for (int k = 0; k < kPoints; ++k) store(to + k * point, V{});
          continue;
        }
        if (whole) {
          PYCNN_UNROLL
          for (int k = 0; k < kPoints; ++k) x[k] = load(row + i + (column + k) * pixel);
        } else {
          load_columns(row + i, pixel, column, p.x.width, x);
        }
        columns_to_points(x, v);
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) store(to + k * point, v[k]);
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
