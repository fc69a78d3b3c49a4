#pragma once
// What conv2d's passes by Winograd's filtering with pooling make of kernel and pictures.

#include "ops/conv2d.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/window_maximum.h"
#include "ops/cpu/winograd.h"

namespace pycnn::cpu::PYCNN_ISA::winograd {

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

// A kernel of 5x5 to [point][input channel][line][output channel]. to_lines makes the lines' taps
// of a column's, from the first row to the last.
template <int Lines, typename ToLines>
PYCNN_INLINE void transform_kernel(const Conv2dGeometry& g, const float* kernel, ToLines to_lines,
                                   float* to) {
  const std::int64_t column = std::int64_t{g.in_channels} * g.out_channels;
  for (int c = 0; c < g.in_channels; ++c) {
    for (int o = 0; o < g.out_channels; o += W) {
      const int count = g.out_channels - o;
      const std::int64_t at = std::int64_t{c} * g.out_channels + o;
      V lines[kLongTaps][Lines];  // of each column
      for (int b = 0; b < kLongTaps; ++b) {
        V taps[kLongTaps];
        PYCNN_UNROLL
        for (int a = 0; a < kLongTaps; ++a) {
          taps[a] = load_some(kernel + (a * kLongTaps + b) * column + at, count);
        }
        to_lines(taps, lines[b]);
      }
      for (int l = 0; l < Lines; ++l) {
        V row[kLongTaps], u[kPoints];
        PYCNN_UNROLL
        for (int b = 0; b < kLongTaps; ++b) row[b] = lines[b][l];
        taps_to_points(row, u);
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) {
          store_some(to + ((k * g.in_channels + c) * Lines + l) * g.out_channels + o, u[k], count);
        }
      }
    }
  }
}

// W lanes of a row, of `tiles` tiles of two columns, to [tile][channel][point slot][lane].
PYCNN_INLINE void transform_row(const Conv2dGeometry& g, int tiles, const float* x, float* to) {
  constexpr int kChannel = WinogradPoolScratch::kPointSlots * W;
  const std::int64_t pixel = std::int64_t{g.in_channels} * kLanes;
  for (int c = 0; c < g.in_channels; ++c, x += kLanes) {
    TileColumns columns(load(x), load(x + pixel), load(x + 2 * pixel), load(x + 3 * pixel));
    const float* from = x + 4 * pixel;
    for (int t = 0; t < tiles; ++t, from += kLongTileColumns * pixel) {
      V v[kPoints];
      columns.next_points(load(from), load(from + pixel), v);
      float* points = to + (std::int64_t{t} * g.in_channels + c) * kChannel;
      PYCNN_UNROLL
      for (int k = 0; k < kPoints; ++k) store(points + k * W, v[k]);
    }
  }
}

// Codes may be left out: `code` is null then.
PYCNN_INLINE std::uint8_t* further(std::uint8_t* code, std::int64_t by) {
  return code == nullptr ? nullptr : code + by;
}

// The pooled window of 24 times its values.
PYCNN_INLINE void write_window(const V (&values)[4], bool relu_after, float* y,
                               std::uint8_t* code) {
  if (code == nullptr) {
    return store(y, finite_window_maximum(values, relu_after) * (1.0f / kScale));
  }
  V best;
  VI place;
  finite_window_maximum(values, relu_after, best, place);
  store(y, best * (1.0f / kScale));
  store_bytes(code, place);
}

// Calls f(h, rows) for every row h of pooling windows, where rows are the six of the input that it
// sees. A row stays where it is while windows see it: from one h to the next two of the six are
// new.
template <typename F>
PYCNN_INLINE void for_window_rows(const Conv2dGeometry& g, ConstView x, int lane, int height,
                                  float* scratch, F f) {
  constexpr int kRows = WinogradPoolScratch::kRows;
  const WinogradPoolScratch s(g);
  const auto place = [&](int row) { return scratch + s.x + row % kRows * s.x_row; };
  for (int h = 0, ready = 0; h < height; ++h) {
    for (; ready < 2 * h + kRows; ++ready) {
      transform_row(g, s.tiles, x.at(ready - g.pad_top, -g.pad_left) + lane, place(ready));
    }
    const float* rows[kRows];
    for (int i = 0; i < kRows; ++i) rows[i] = place(2 * h + i);
    f(h, rows);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::winograd
