#pragma once
// The product that forward and backward_input share. For the pixels p of a row and vectors o of
// output lanes,
//   y[p][o] = start + sum over a < rows, b < columns, i < inner of x[p][a, b, i] * w[a, b, i][o].

#include "ops/cpu/channels.h"
#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

inline constexpr int kTileVectors = kAccumulators == 24 ? 4 : 3;

// Weights that stay in the second-level cache while pixels pass: 64 KB.
inline constexpr int kBlockFloats = 16 * 1024;

// Pixels whose sums stay in the cache while blocks of weights pass.
inline constexpr int kGroupPixels = 1024;

// What the sums run over. `x_row` and `x_column` lead from tap to tap in x; the others lead from
// tap to tap, and from one term of `inner` to the next, in the weights.
struct Sum {
  int rows, columns, inner;
  std::int64_t x_row, x_column;
  std::int64_t weight_row, weight_column, weight;
};

// The pixels of one row: of the operand, of what the sums start from (null: 0), and of the result.
struct Row {
  const float* x;
  std::int64_t x_step;
  const float* start;
  std::int64_t start_step;
  float* y;
  std::int64_t y_step;
  bool relu_after;
};

// Asks for row h of image n, which is read soon, to come to the second-level cache; rows behind the
// last are those of the next image. The hardware does not look ahead that far. Asking for an
// address where nothing is does no harm.
PYCNN_INLINE void prefetch_row(const ConstChannelView& x, std::int64_t n, std::int64_t h) {
  const float* row = h < x.height ? x.at(n, h, 0) : x.at(n + 1, h - x.height, 0);
  const std::int64_t count = x.width * x.pixel();
  for (std::int64_t i = 0; i < count; i += kLanes) __builtin_prefetch(row + i, 0, 2);
}

PYCNN_INLINE int vectors_of(int channels) { return (channels + W - 1) / W; }

// Terms of `inner` whose weights, for all taps and one tile, make a block.
PYCNN_INLINE int block_terms(std::int64_t taps, int vectors) {
  const std::int64_t terms = kBlockFloats / (taps * vectors * W);
  return terms > 0 ? static_cast<int>(terms) : 1;
}

template <int P, int O>
void product_tile(const Sum& sum, const Row& row, int first, const float* weights) {
  V acc[P][O] = {};
  if (row.start != nullptr) {
    const float* start = row.start + first * row.start_step;
    PYCNN_UNROLL
    for (int p = 0; p < P; ++p, start += row.start_step) {
      PYCNN_UNROLL
      for (int o = 0; o < O; ++o) acc[p][o] = load_unaligned(start + o * W);
    }
  }
  // Every fourth pixel has a pointer of its own: so many multiples of the step as there may be
  // pixels would not stay in registers.
  constexpr int kPointers = (P + 3) / 4;
  const std::int64_t step = row.x_step;
  for (int a = 0; a < sum.rows; ++a) {
    for (int b = 0; b < sum.columns; ++b) {
      const float* x[kPointers];
      x[0] = row.x + first * step + a * sum.x_row + b * sum.x_column;
      PYCNN_UNROLL
      for (int k = 1; k < kPointers; ++k) x[k] = x[k - 1] + 4 * step;
      const float* w = weights + a * sum.weight_row + b * sum.weight_column;
      for (int i = 0; i < sum.inner; ++i, w += sum.weight) {
        V v[O];
        PYCNN_UNROLL
        for (int o = 0; o < O; ++o) v[o] = load_unaligned(w + o * W);
        PYCNN_UNROLL
        for (int p = 0; p < P; ++p) {
          const float xp = x[p / 4][p % 4 * step];
          PYCNN_UNROLL
          for (int o = 0; o < O; ++o) acc[p][o] += v[o] * xp;
        }
        PYCNN_UNROLL
        for (int k = 0; k < kPointers; ++k) ++x[k];
      }
    }
  }
  if (row.relu_after) {
    PYCNN_UNROLL
    for (int p = 0; p < P; ++p) {
      PYCNN_UNROLL
      for (int o = 0; o < O; ++o) acc[p][o] = relu(acc[p][o]);
    }
  }
  float* y = row.y + first * row.y_step;
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p, y += row.y_step) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) store(y + o * W, acc[p][o]);
  }
}

template <int O>
void product_row(const Sum& sum, const Row& row, int pixels, const float* weights) {
  constexpr int kPixels = kAccumulators / O;
  const Split parts(pixels, kPixels);
  for (int i = 0, first = 0; i < parts.parts; first += parts.size(i++)) {
    dispatch<kPixels>(parts.size(i),
                      [&](auto p) { product_tile<p.value, O>(sum, row, first, weights); });
  }
}

// One tile of `vectors` output vectors for all pixels of a row.
PYCNN_INLINE void product(int vectors, const Sum& sum, const Row& row, int pixels,
                          const float* weights) {
  dispatch<kTileVectors>(vectors, [&](auto o) { product_row<o.value>(sum, row, pixels, weights); });
}

// Calls f(begin, end) for groups of rows whose sums stay in the cache.
template <typename F>
PYCNN_INLINE void for_row_groups(std::int64_t begin, std::int64_t end, int width, F f) {
  const std::int64_t most = kGroupPixels > width ? kGroupPixels / width : 1;
  for (; begin < end; begin += most) f(begin, begin + most < end ? begin + most : end);
}

// Deals the (tile, row) pairs out, tile by tile, and calls f(first vector, vectors, begin, end)
// for each run of rows that this thread has of a tile.
template <typename F>
PYCNN_INLINE void for_tiles(const Team& team, int vectors, std::int64_t rows, F f) {
  const Split tiles(vectors, kTileVectors);
  const Share mine = share(team, tiles.parts * rows);
  for (int t = 0, first = 0; t < tiles.parts; first += tiles.size(t++)) {
    const std::int64_t begin = mine.begin - t * rows, end = mine.end - t * rows;
    if (begin >= rows || end <= 0) continue;
    f(first, tiles.size(t), begin > 0 ? begin : 0, end < rows ? end : rows);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
