#pragma once
// What the passes of a dense layer with the channels in the lanes share: a product of matrices, a
// tile of rows x vectors at a time.

#include "ops/cpu/tile.h"
#include "ops/dense.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

// A tile in registers: rows (images, or inputs) times vectors of columns.
inline constexpr int kRows = kAccumulators == 24 ? 6 : 4;
inline constexpr int kVectors = kAccumulators / kRows;

// A multiply-add waits for the one before it on the same sum: small tiles keep several sums.
inline constexpr int chains(int tile) { return tile >= 8 ? 1 : tile >= 4 ? 2 : tile >= 2 ? 4 : 8; }

// A matrix, row after row.
struct Matrix {
  const float* data;
  std::int64_t row;  // floats from one row to the next

  PYCNN_INLINE float at(std::int64_t r, std::int64_t c) const { return data[r * row + c]; }
  PYCNN_INLINE Matrix from(std::int64_t r, std::int64_t c) const {
    return {data + r * row + c, row};
  }
};

// One that lies there column after column.
struct Transposed {
  const float* data;
  std::int64_t column;

  PYCNN_INLINE float at(std::int64_t r, std::int64_t c) const { return data[c * column + r]; }
};

template <int R, int N>
PYCNN_INLINE void set_zero(V (&acc)[R][N]) {
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[r][n] = V{};
  }
}

// acc[r][n] += a(r, k) * b(k, n-th vector).
template <int R, int N, typename Left>
PYCNN_INLINE void add_product(Left a, Matrix b, std::int64_t k, V (&acc)[R][N]) {
  V v[N];
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) v[n] = load_unaligned(b.data + k * b.row + n * W);
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    const V x = splat(a.at(r, k));
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[r][n] += x * v[n];
  }
}

// acc += a b, where a has R rows and `depth` columns.
template <int R, int N, typename Left>
PYCNN_INLINE void add_products(std::int64_t depth, Left a, Matrix b, V (&acc)[R][N]) {
  constexpr int kChains = chains(R * N);
  V more[kChains][R][N];  // the first is not used
  PYCNN_UNROLL
  for (int chain = 1; chain < kChains; ++chain) set_zero(more[chain]);
  std::int64_t k = 0;
  for (; k + kChains <= depth; k += kChains) {
    add_product(a, b, k, acc);
    PYCNN_UNROLL
    for (int chain = 1; chain < kChains; ++chain) add_product(a, b, k + chain, more[chain]);
  }
  if constexpr (kChains > 1) {
    for (; k < depth; ++k) add_product(a, b, k, acc);
    PYCNN_UNROLL
    for (int chain = 1; chain < kChains; ++chain) {
      PYCNN_UNROLL
      for (int r = 0; r < R; ++r) {
        PYCNN_UNROLL
        for (int n = 0; n < N; ++n) acc[r][n] += more[chain][r][n];
      }
    }
  }
}

// How sums begin and end. `bias` may be null.
struct Epilogue {
  const float* bias;
  bool first, relu;  // whether nothing has been summed yet; whether ReLU follows
};

// y (+)= a b for R rows and N vectors.
template <int R, int N>
PYCNN_INLINE void product_tile(std::int64_t depth, Matrix a, Matrix b, Epilogue e, float* y,
                               std::int64_t y_row) {
  V acc[R][N];
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) {
      acc[r][n] = !e.first            ? load(y + r * y_row + n * W)
                  : e.bias != nullptr ? load_unaligned(e.bias + n * W)
                                      : V{};
    }
  }
  add_products(depth, a, b, acc);
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) store(y + r * y_row + n * W, e.relu ? relu(acc[r][n]) : acc[r][n]);
  }
}

// Cuts `total` into tiles of at most `most`.
struct Tiles : Split {
  using Split::Split;
  int first(int i) const { return i * base + (i < larger ? i : larger); }
};

// All rows of y, tile by tile.
template <int N>
void product_rows(const Tiles& rows, std::int64_t begin, std::int64_t end, std::int64_t depth,
                  Matrix a, Matrix b, Epilogue e, float* y, std::int64_t y_row) {
  for (auto t = static_cast<int>(begin); t < end; ++t) {
    const int r = rows.first(t);
    dispatch<kRows>(rows.size(t), [&](auto size) {
      product_tile<size.value, N>(depth, a.from(r, 0), b, e, y + r * y_row, y_row);
    });
  }
}

// y = x b, then bias and ReLU, for many images. A panel of b, kDepth rows and a tile's width of it,
// is copied to where it stays in a cache while all images pass by: pack(k, rows, column, vectors,
// to) writes b(k.., column..) to [rows][vectors][W]. Pieces of the work are tiles of y, those of
// one panel next to each other.
template <typename Pack>
PYCNN_INLINE void multiply_by_panels(const Team& team, ConstChannelView x, int inputs, int outputs,
                                     const float* bias, bool relu_after, ChannelView y, Pack pack) {
  constexpr int kDepth = 128;
  alignas(64) float panel[kDepth * kVectors * W];
  const Tiles rows(x.images, kRows), panels((outputs + W - 1) / W, kVectors);
  const Share pieces = share(team, std::int64_t{rows.parts} * panels.parts);
  for (int k = 0; k < inputs; k += kDepth) {
    const int depth = inputs - k < kDepth ? inputs - k : kDepth;
    const bool last = k + depth == inputs;
    for (std::int64_t piece = pieces.begin; piece < pieces.end;) {
      const auto p = static_cast<int>(piece / rows.parts);
      const std::int64_t before = std::int64_t{p} * rows.parts, next = before + rows.parts;
      const std::int64_t end = next < pieces.end ? next : pieces.end;
      const int column = panels.first(p) * W;
      dispatch<kVectors>(panels.size(p), [&](auto size) {
        pack(k, depth, column, size, panel);
        const Epilogue e{bias != nullptr ? bias + column : nullptr, k == 0, relu_after && last};
        product_rows<size.value>(rows, piece - before, end - before, depth,
                                 Matrix{x.data + k, x.image}, Matrix{panel, size.value * W}, e,
                                 y.data + column, y.image);
      });
      piece = end;
    }
  }
}

// Writes the first `count` floats, or adds them: in runs of constant length.
template <int Run>
PYCNN_INLINE void write_floats(float* to, const float* from, std::int64_t count, bool accumulate) {
  if ((count & Run) != 0) {
    if (accumulate) {
      for (int i = 0; i < Run; ++i) to[i] += from[i];
    } else {
      for (int i = 0; i < Run; ++i) to[i] = from[i];
    }
    to += Run;
    from += Run;
  }
  if constexpr (Run > 1) write_floats<Run / 2>(to, from, count, accumulate);
}

// Writes the first `count` lanes of v, or adds them.
PYCNN_INLINE void write(float* to, V v, std::int64_t count, bool accumulate) {
  if (count >= W) {
    store_unaligned(to, accumulate ? load_unaligned(to) + v : v);
    return;
  }
  alignas(64) float lanes[W];
  store(lanes, v);
  write_floats<W / 2>(to, lanes, count, accumulate);
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
