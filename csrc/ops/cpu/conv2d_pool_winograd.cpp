#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/tile.h"
#include "ops/cpu/window_maximum.h"
#include "ops/cpu/winograd.h"

// conv2d of 5x5 with stride 1, fused with ReLU and 2x2 max pooling, by Winograd's filtering: a tile
// has the two columns of a pooling window. The sums of a window stay in registers, those of two
// points at a time.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

using namespace winograd;
using Scratch = WinogradPoolScratch;
static_assert(kPoints == Scratch::kPoints && kLongTaps == 5 && kLongTileColumns == 2);

// Two points and their negatives, which make both columns, then those that make one column each.
constexpr int kOrder[kPoints] = {1, 2, 3, 4, 0, 5};
constexpr int kPair = 2;
constexpr int kWindowRows = 2;
constexpr int kWindowChannels = kAccumulators / (kPair * kWindowRows);

// A vector's first numbers, as many as there are.
PYCNN_INLINE V load_some(const float* from, int count) {
  if (count >= W) return load_unaligned(from);
  alignas(64) float some[W] = {};
  for (int i = 0; i < count; ++i) some[i] = from[i];
  return load(some);
}
PYCNN_INLINE void store_some(float* to, V v, int count) {
  if (count >= W) return store_unaligned(to, v);
  alignas(64) float some[W];
  store(some, v);
  for (int i = 0; i < count; ++i) to[i] = some[i];
}

// To [kernel row][input channel][point][output channel].
void transform_kernel(const Conv2dGeometry& g, const Scratch& s, const float* kernel, float* to) {
  for (int a = 0; a < kLongTaps; ++a) {
    for (int c = 0; c < g.in_channels; ++c, to += kPoints * g.out_channels) {
      const float* taps = kernel + a * kLongTaps * s.column + std::int64_t{c} * g.out_channels;
      for (int o = 0; o < g.out_channels; o += W) {
        const int count = g.out_channels - o;
        V w[kLongTaps], u[kPoints];
        PYCNN_UNROLL
        for (int b = 0; b < kLongTaps; ++b) w[b] = load_some(taps + b * s.column + o, count);
        taps_to_points(w, u);
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k)
          store_some(to + k * g.out_channels + o, u[kOrder[k]], count);
      }
    }
  }
}

// W lanes of a row to [tile][channel][point][lane].
void transform_row(const Conv2dGeometry& g, const Scratch& s, const float* x, float* to) {
  const std::int64_t pixel = std::int64_t{g.in_channels} * kLanes;
  for (int t = 0; t < s.tiles; ++t, x += kLongTileColumns * pixel) {
    for (int i = 0; i < pixel; i += kLanes, to += kPoints * W) {
      V columns[kPoints], v[kPoints];
      PYCNN_UNROLL
      for (int k = 0; k < kPoints; ++k) columns[k] = load(x + i + k * pixel);
      columns_to_points(columns, v);
      PYCNN_UNROLL
      for (int k = 0; k < kPoints; ++k) store(to + k * W, v[kOrder[k]]);
    }
  }
}

// acc[r][k][o] += the sum of window row r at the pair of points that `at` and `kernel` begin with.
// `Single` says that there is one input channel: a tenth faster without that loop.
template <bool Single, int O>
PYCNN_INLINE void add_pair(const Conv2dGeometry& g, const float* const (&rows)[Scratch::kRows],
                           std::int64_t at, const float* kernel, V (&acc)[kWindowRows][kPair][O]) {
  for (int a = 0; a < kLongTaps; ++a) {
    const float *above = rows[a] + at, *below = rows[a + 1] + at;
    for (int c = 0; c < (Single ? 1 : g.in_channels); ++c) {
      PYCNN_UNROLL
      for (int k = 0; k < kPair; ++k) {
        V x[kWindowRows] = {load(above + k * W), load(below + k * W)};
        // Else GCC 12 reads each of them again for every channel.
        keep_in_register(x[0]);
        keep_in_register(x[1]);
        PYCNN_UNROLL
        for (int o = 0; o < O; ++o) {
          const V weight = splat(kernel[k * g.out_channels + o]);
          PYCNN_UNROLL
          for (int r = 0; r < kWindowRows; ++r) acc[r][k][o] += weight * x[r];
        }
      }
      above += kPoints * W;
      below += kPoints * W;
      kernel += kPoints * g.out_channels;
    }
  }
}

// 24 times the sums of a pooling window, acc[row][column][channel].
template <bool Single, int O>
PYCNN_INLINE void window_sums(const Conv2dGeometry& g, const float* const (&rows)[Scratch::kRows],
                              std::int64_t at, const float* kernel, const float* bias,
                              V (&acc)[kWindowRows][kLongTileColumns][O]) {
  const std::int64_t pair = kPair * std::int64_t{g.out_channels};
  V near[kWindowRows][kPair][O] = {}, far[kWindowRows][kPair][O] = {};
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V start = splat(bias != nullptr ? kScale * bias[o] : 0.0f);  // of both columns
    PYCNN_UNROLL
    for (int r = 0; r < kWindowRows; ++r) near[r][0][o] = start;
  }
  add_pair<Single>(g, rows, at, kernel, near);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    PYCNN_UNROLL
    for (int r = 0; r < kWindowRows; ++r) {
      acc[r][0][o] = near[r][0][o] + near[r][1][o];
      acc[r][1][o] = near[r][0][o] - near[r][1][o];
    }
  }
  add_pair<Single>(g, rows, at + kPair * W, kernel + pair, far);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    PYCNN_UNROLL
    for (int r = 0; r < kWindowRows; ++r) {
      acc[r][0][o] += far[r][0][o] + far[r][1][o];
      acc[r][1][o] += 2.0f * (far[r][0][o] - far[r][1][o]);
    }
  }
  add_pair<Single>(g, rows, at + 2 * kPair * W, kernel + 2 * pair, acc);
}

// One pooling window of O channels, W lanes.
template <bool Single, int O>
void pool_window(const Conv2dGeometry& g, const float* const (&rows)[Scratch::kRows],
                 std::int64_t at, const float* kernel, const float* bias, bool relu_after, float* y,
                 std::uint8_t* code) {
  V acc[kWindowRows][kLongTileColumns][O];
  window_sums<Single>(g, rows, at, kernel, bias, acc);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V values[4] = {acc[0][0][o], acc[0][1][o], acc[1][0][o], acc[1][1][o]};
    V best;
    VI place;
    finite_window_maximum(values, relu_after, best, place);
    store(y + o * kLanes, best * (1.0f / kScale));
    store_bytes(code + o * kLanes, place);
  }
}

// A row of pooling windows.
template <bool Single>
void pool_row(const Conv2dGeometry& g, const Scratch& s, const float* const (&rows)[Scratch::kRows],
              const float* kernel, const float* bias, bool relu_after, float* y,
              std::uint8_t* code) {
  const std::int64_t tile = std::int64_t{g.in_channels} * kPoints * W;
  const std::int64_t window = std::int64_t{g.out_channels} * kLanes;
  for (int t = 0; t < s.tiles; ++t, y += window, code += window) {
    for_parts<kWindowChannels>(g.out_channels, [&](int o, auto n) {
      pool_window<Single, n.value>(g, rows, t * tile, kernel + o,
                                   bias != nullptr ? bias + o : nullptr, relu_after, y + o * kLanes,
                                   code + o * kLanes);
    });
  }
}

}  // namespace

void conv2d_forward_pool_winograd(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                  const float* bias, bool relu_after, float* scratch, View y,
                                  std::uint8_t* code) {
  const Scratch s(g);
  transform_kernel(g, s, kernel, scratch + s.kernel);
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int h = 0, ready = 0; h < y.height; ++h) {
      // A row stays where it is while windows see it: two rows on, two of the six are new.
      for (; ready < 2 * h + Scratch::kRows; ++ready) {
        transform_row(g, s, x.at(ready - g.pad_top, -g.pad_left) + lane,
                      scratch + s.x + ready % Scratch::kRows * s.x_row);
      }
      const float* rows[Scratch::kRows];
      for (int i = 0; i < Scratch::kRows; ++i) {
        rows[i] = scratch + s.x + (2 * h + i) % Scratch::kRows * s.x_row;
      }
      const auto row = g.in_channels == 1 ? pool_row<true> : pool_row<false>;
      row(g, s, rows, scratch + s.kernel, bias, relu_after, y.at(h, 0) + lane,
          code + std::int64_t{h} * y.width * y.channels * kLanes + lane);
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
