// y = x w + b with the outputs in the lanes.
//
// A few images are done as fast as the weights can be read: their rows are dealt out, so that each
// is read once and from one end to the other, and every run of rows gives a partial sum. With more
// images the arithmetic takes longer than the reading, and panels of the weights are copied to
// where the registers' tiles find them quickly.

#include "ops/cpu/channels/dense_passes.h"
#include "ops/cpu/channels/dense_tile.h"

namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

constexpr int kFewImages = 12;
constexpr std::int64_t kWeightsOfPart = 1 << 16;  // 256 KB
constexpr std::int64_t kMostParts = 16;

// Partial sums, one for each of as many runs of rows.
std::int64_t parts(DenseGeometry g) {
  const std::int64_t by_size = std::int64_t{g.inputs} * g.outputs / kWeightsOfPart;
  const std::int64_t by_rows = g.inputs / 64;
  const std::int64_t most = by_rows < kMostParts ? by_rows : kMostParts;
  return by_size < 2 || most < 2 ? 1 : by_size < most ? by_size : most;
}

std::int64_t padded(int outputs) { return std::int64_t{outputs + kLanes - 1} / kLanes * kLanes; }

// Rows that are read side by side: few where they are long, for each is a stream of its own.
int rows_at_once(int outputs) {
  const int rows = 16384 / outputs;
  return rows < 4 ? 4 : rows;
}

template <int N>
PYCNN_INLINE void prefetch(Matrix b, std::int64_t rows) {
  constexpr int kLine = 16;  // floats
  for (std::int64_t k = 0; k < rows; ++k) {
    PYCNN_UNROLL
    for (int n = 0; n < N * W; n += kLine) __builtin_prefetch(b.data + k * b.row + n, 0, 2);
  }
}

// Some rows of w, and what is summed over them.
struct Rows {
  Matrix w;
  std::int64_t depth, next;  // rows; those that come after and may be fetched already
  Epilogue epilogue;
};

// The tiles begin..end of columns, all of N vectors, for R images.
template <int R, int N>
void sum_tiles(const Rows& rows, const Tiles& tiles, std::int64_t begin, std::int64_t end, Matrix x,
               float* y, std::int64_t y_row) {
  for (auto t = static_cast<int>(begin); t < end; ++t) {
    const int column = tiles.first(t) * W;
    prefetch<N>(rows.w.from(rows.depth, column), rows.next);
    Epilogue e = rows.epilogue;
    if (e.bias != nullptr) e.bias += column;
    product_tile<R, N>(rows.depth, x, rows.w.from(0, column), e, y + column, y_row);
  }
}

// y (+)= x w for the tiles `columns`.
void sum_columns(const Rows& rows, const Tiles& tiles, Share columns, ConstChannelView x,
                 std::int64_t k, float* y, std::int64_t y_row) {
  // The first tiles are the larger ones.
  const std::int64_t larger = tiles.larger < columns.begin ? columns.begin
                              : tiles.larger > columns.end ? columns.end
                                                           : tiles.larger;
  const Tiles images(x.images, kRows);
  for (int m = 0; m < images.parts; ++m) {
    const int n = images.first(m);
    const Matrix from{x.data + n * x.image + k, x.image};
    dispatch<kRows>(images.size(m), [&](auto size) {
      const auto run = [&](std::int64_t begin, std::int64_t end) {
        if (begin == end) return;
        dispatch<kVectors>(tiles.size(static_cast<int>(begin)), [&](auto vectors) {
          sum_tiles<size.value, vectors.value>(rows, tiles, begin, end, from, y + n * y_row, y_row);
        });
      };
      run(columns.begin, larger);
      run(larger, columns.end);
    });
  }
}

// The same over the rows begin..end of w, a few at a time.
void sum_rows(ConstChannelView x, Matrix w, std::int64_t begin, std::int64_t end, int at_once,
              const Tiles& tiles, Share columns, const float* bias, bool relu_after, float* y,
              std::int64_t y_row) {
  for (std::int64_t k = begin; k < end; k += at_once) {
    const std::int64_t depth = end - k < at_once ? end - k : at_once, after = end - k - depth;
    const Rows rows{w.from(k, 0), depth, after < at_once ? after : at_once,
                    Epilogue{bias, k == begin, relu_after && after == 0}};
    sum_columns(rows, tiles, columns, x, k, y, y_row);
  }
}

// y = bias + the partial sums, for all images and one vector of outputs.
void add_parts(const float* partial, std::int64_t count, int c, const float* bias, bool relu_after,
               ChannelView y) {
  const std::int64_t row = y.pixel(), part = y.images * row;
  const V start = bias != nullptr ? load_unaligned(bias + c) : V{};
  for (int n = 0; n < y.images; ++n) {
    V sum = start;
    for (std::int64_t p = 0; p < count; ++p) sum += load(partial + p * part + n * row + c);
    store(y.data + n * y.image + c, relu_after ? relu(sum) : sum);
  }
}

void forward_few(Team& team, DenseGeometry g, ConstChannelView x, Matrix w, const float* bias,
                 bool relu_after, float* scratch, ChannelView y) {
  const int vectors = (g.outputs + W - 1) / W, at_once = rows_at_once(g.outputs);
  const Tiles tiles(vectors, kVectors);
  const std::int64_t count = parts(g);
  if (count == 1) {  // too few rows to deal out: columns instead
    sum_rows(x, w, 0, g.inputs, at_once, tiles, share(team, tiles.parts), bias, relu_after, y.data,
             y.image);
    return;
  }
  const Share mine = share(team, count);
  const std::int64_t row = padded(g.outputs);
  for (std::int64_t p = mine.begin; p < mine.end; ++p) {
    sum_rows(x, w, g.inputs * p / count, g.inputs * (p + 1) / count, at_once, tiles,
             Share{0, tiles.parts}, nullptr, false, scratch + p * x.images * row, row);
  }
  team.barrier();
  const Share sums = share(team, vectors);
  for (auto v = static_cast<int>(sums.begin); v < sums.end; ++v) {
    add_parts(scratch, count, v * W, bias, relu_after, y);
  }
}

}  // namespace

std::int64_t dense_forward_scratch(DenseGeometry g, int images) {
  const std::int64_t count = parts(g);
  return images > kFewImages || count == 1 ? 0 : count * images * padded(g.outputs);
}

void dense_forward(Team& team, DenseGeometry g, ConstChannelView x, const float* kernel,
                   const float* bias, bool relu_after, float* scratch, ChannelView y) {
  const Matrix w{kernel, g.outputs};
  if (x.images <= kFewImages) {
    forward_few(team, g, x, w, bias, relu_after, scratch, y);
    return;
  }
  const auto copy = [&](int k, int rows, int column, auto size, float* to) {
    const float* from = w.from(k, column).data;
    for (int r = 0; r < rows; ++r, from += w.row, to += size.value * W) {
      prefetch<size.value>({from + size.value * W, w.row}, 1);
      PYCNN_UNROLL
      for (int n = 0; n < size.value; ++n) store(to + n * W, load_unaligned(from + n * W));
    }
  };
  multiply_by_panels(team, x, g.inputs, g.outputs, bias, relu_after, y, copy);
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
