#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_sum.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/window_maximum.h"
#include "ops/cpu/winograd.h"

// conv2d of 5x5 with stride 1, fused with ReLU and 2x2 max pooling, by Winograd's filtering: a tile
// has the two columns of a pooling window.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

using namespace winograd;
static_assert(kPoints == WinogradPoolScratch::kPoints && kLongTaps == 5 && kLongTileColumns == 2);

// Tile of the products: pixels x channels.
constexpr int kTileChannels = 4;
constexpr int kTilePixels = kAccumulators / kTileChannels;

// Of a vector the numbers that there are, then zeros.
PYCNN_INLINE V load_some(const float* from, std::int64_t count) {
  if (count >= W) return load_unaligned(from);
  alignas(64) float some[W] = {};
  for (int i = 0; i < count; ++i) some[i] = from[i];
  return load(some);
}

// To [point][kernel row][input channel][output channel].
void transform_kernel(const Conv2dGeometry& g, const WinogradPoolScratch& s, const float* kernel,
                      float* to) {
  const std::int64_t column = std::int64_t{g.in_channels} * g.out_channels;
  for (int a = 0; a < kLongTaps; ++a) {
    const float* row = kernel + a * kLongTaps * column;
    for (std::int64_t i = 0; i < column; i += W) {
      V w[kLongTaps], u[kPoints];
      PYCNN_UNROLL
      for (int b = 0; b < kLongTaps; ++b) w[b] = load_some(row + b * column + i, column - i);
      taps_to_points(w, u);
      PYCNN_UNROLL
      for (int k = 0; k < kPoints; ++k) store_unaligned(to + k * s.kernel_point + i, u[k]);
    }
    to += column;
  }
}

// To [point][row][tile][channel][lane], for the lanes from `lane` on.
void transform_x(const Conv2dGeometry& g, const WinogradPoolScratch& s, ConstView x, int lane,
                 float* to) {
  const std::int64_t pixel = std::int64_t{g.in_channels} * kLanes;
  for (int h = 0; h < s.rows; ++h) {
    const float* from = x.at(h - g.pad_top, -g.pad_left) + lane;
    for (int t = 0; t < s.tiles; ++t, from += kLongTileColumns * pixel) {
      for (int i = 0; i < pixel; i += kLanes, to += kLanes) {
        V columns[kPoints], v[kPoints];
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) columns[k] = load(from + i + k * pixel);
        columns_to_points(columns, v);
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) store(to + k * s.x_point + lane, v[k]);
      }
    }
  }
}

template <int P, int O>
PYCNN_INLINE void multiply_tile(const Sum& sum, const float* x, std::int64_t pixel,
                                const float* kernel, std::int64_t sums_pixel, float* sums) {
  std::int64_t pixels[P];
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) pixels[p] = p * pixel;
  V acc[P][O] = {};
  accumulate<true>(sum, x, pixels, kernel, acc);
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) store(sums + p * sums_pixel + o * kLanes, acc[p][o]);
  }
}

// The two rows of sums that pooling windows see, [point][row][tile][channel][lane]. `x` and
// `kernel` as above, x from the first of the rows that they see.
void multiply(const Conv2dGeometry& g, const WinogradPoolScratch& s, const float* x,
              const float* kernel, float* sums) {
  const std::int64_t pixel = std::int64_t{g.in_channels} * kLanes, row = s.tiles * pixel;
  const std::int64_t sums_pixel = std::int64_t{g.out_channels} * kLanes;
  const Sum sum{kLongTaps, 1, g.in_channels, row, 0, g.out_channels};
  for (int k = 0; k < kPoints; ++k, x += s.x_point, kernel += s.kernel_point) {
    for (int r = 0; r < 2; ++r, sums += s.tiles * sums_pixel) {
      for_parts<kTilePixels>(s.tiles, [&](int tile, auto p) {
        for_parts<kTileChannels>(g.out_channels, [&](int channel, auto o) {
          multiply_tile<p.value, o.value>(sum, x + r * row + tile * pixel, pixel, kernel + channel,
                                          sums_pixel, sums + tile * sums_pixel + channel * kLanes);
        });
      });
    }
  }
}

// The pooled values of one row and the codes, from its two rows of sums.
void pool_row(const Conv2dGeometry& g, const WinogradPoolScratch& s, const float* sums,
              const float* bias, bool relu_after, float* y, std::uint8_t* code) {
  const std::int64_t row = std::int64_t{s.tiles} * g.out_channels * kLanes, point = 2 * row;
  for (int t = 0; t < s.tiles; ++t) {
    for (int o = 0; o < g.out_channels; ++o, sums += kLanes, y += kLanes, code += kLanes) {
      const V start = kScale * splat(bias != nullptr ? bias[o] : 0.0f);
      V values[4];
      PYCNN_UNROLL
      for (int r = 0; r < 2; ++r) {
        V m[kPoints], columns[kLongTileColumns];
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) m[k] = load(sums + k * point + r * row);
        points_to_columns(m, columns);
        PYCNN_UNROLL
        for (int j = 0; j < kLongTileColumns; ++j) {
          values[2 * r + j] = (columns[j] + start) * (1.0f / kScale);
        }
      }
      V best;
      VI place;
      window_maximum(values, relu_after, best, place);
      store(y, best);
      store_bytes(code, place);
    }
  }
}

}  // namespace

void conv2d_forward_pool_winograd(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                  const float* bias, bool relu_after, float* scratch, View y,
                                  std::uint8_t* code) {
  const WinogradPoolScratch s(g);
  const std::int64_t x_row = std::int64_t{s.tiles} * g.in_channels * kLanes;
  transform_kernel(g, s, kernel, scratch + s.kernel);
  for (int lane = 0; lane < kLanes; lane += W) {
    transform_x(g, s, x, lane, scratch + s.x);
    for (int h = 0; h < y.height; ++h) {
      multiply(g, s, scratch + s.x + 2 * h * x_row + lane, scratch + s.kernel,
               scratch + s.sums + lane);
      pool_row(g, s, scratch + s.sums + lane, bias, relu_after, y.at(h, 0) + lane,
               code + std::int64_t{h} * y.width * y.channels * kLanes + lane);
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
