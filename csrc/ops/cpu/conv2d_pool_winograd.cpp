#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/conv2d_winograd_transforms.h"
#include "ops/cpu/tile.h"

// conv2d of 5x5 with stride 1, fused with ReLU and 2x2 max pooling, by Winograd's filtering: a tile
// is a pooling window. Its two columns come from six of the input by the points of winograd.h. Its
// two rows come from six, x0 to x5, with seven products instead of ten: the first two taps by two
// outputs of two taps (Karatsuba), the other three by two outputs of three. In one column
//   upper = x0*w0 + x1*w1 + x2*w2 + x3*w3 + x4*w4 and lower = x1*w0 + ... + x5*w4 are
//   upper = both + across + (x0 - x1)*w0 + (x2 - x4)*w2
//   lower = both - across + (x2 - x1)*w1 + (x5 - x3)*w4, where
//   both = x1*(w0 + w1) + (x3 + x4)*(w2 + w3 + w4)/2 and across = (x4 - x3)*(w2 - w3 + w4)/2.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

using namespace winograd;
using Scratch = WinogradPoolScratch;
static_assert(kPoints == Scratch::kPoints && kLongTaps == 5 && kLongTileColumns == 2);
constexpr int kLines = Scratch::kLines;
constexpr int kWindowRows = Scratch::kWindowRows;
constexpr int kTiles = W == kLanes ? Scratch::kMostTiles : 2;  // at a time
constexpr int kWindowChannels = kAccumulators / (kWindowRows * kTiles);

// The factors of the products are lines: 0 and 1 of `both`, 2 of `across`, 3 and 4 of `upper`, 5
// and 6 of `lower`. What they take from six rows,
struct Line {
  int row, other;
  float sign;  // of the other row
};
constexpr Line kLineOfRows[kLines] = {{1, 1, 0},  {4, 3, 1},  {4, 3, -1}, {0, 1, -1},
                                      {2, 4, -1}, {2, 1, -1}, {5, 3, -1}};
// and from five taps (halves of integers are exact).
PYCNN_INLINE void taps_to_lines(const V (&w)[kLongTaps], V (&lines)[kLines]) {
  const V even = w[2] + w[4];
  lines[0] = w[0] + w[1];
  lines[1] = 0.5f * (even + w[3]);
  lines[2] = 0.5f * (even - w[3]);
  lines[3] = w[0];
  lines[4] = w[2];
  lines[5] = w[1];
  lines[6] = w[4];
}

// The lines of tiles side by side at one point, made from six rows.
struct MadeLines {
  const float* rows[Scratch::kRows];  // [tile][channel][point slot][lane]
  std::int64_t channels;

  PYCNN_INLINE V line(int l, std::int64_t tile, std::int64_t channel) const {
    const std::int64_t at = (tile * channels + channel) * Scratch::kPointSlots * W;
    const Line line = kLineOfRows[l];
    const V row = load(rows[line.row] + at);
    if (line.sign == 0) return row;
    const V other = load(rows[line.other] + at);
    return line.sign > 0 ? row + other : row - other;
  }
};

// The same kept in memory. With few registers or many channels it costs less to make them once for
// all output channels than anew for each few of them.
struct KeptLines {
  float* lines;  // [tile][channel][line][lane]
  std::int64_t channels;

  PYCNN_INLINE static bool pay(std::int64_t channels) { return W < kLanes || channels > 16; }

  PYCNN_INLINE void keep(const MadeLines& x, std::int64_t tiles) const {
    for (std::int64_t i = 0; i < tiles * channels; ++i) {
      V made[kLines];
      PYCNN_UNROLL
      for (int l = 0; l < kLines; ++l) made[l] = x.line(l, 0, i);  // of all tiles' channels
      PYCNN_UNROLL
      for (int l = 0; l < kLines; ++l) store(lines + (i * kLines + l) * W, made[l]);
    }
  }
  PYCNN_INLINE V line(int l, std::int64_t tile, std::int64_t channel) const {
    return load(lines + ((tile * channels + channel) * kLines + l) * W);
  }
};

// acc[t][o] += the product of a line of T tiles with the weights of O channels.
template <typename Lines, int T, int O>
PYCNN_INLINE void add_line(const Lines& x, int l, std::int64_t c, const float* weights,
                           V (&acc)[T][O]) {
  V factor[T];
  PYCNN_UNROLL
  for (int t = 0; t < T; ++t) {
    factor[t] = x.line(l, t, c);
    keep_in_register(factor[t]);  // else GCC 12 reads it again for every channel
  }
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V weight = splat(weights[o]);
    PYCNN_UNROLL
    for (int t = 0; t < T; ++t) acc[t][o] += weight * factor[t];
  }
}

// The sums of T windows and O of `channels` channels at one point, to [window][channel][row][lane].
constexpr std::int64_t kRowPair = kWindowRows * W;
template <int T, int O, typename Lines>
void point_sums(const Lines& x, const float* weights, std::int64_t channels, const float* bias,
                float* to) {
  V both[T][O], across[T][O] = {};
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V start = splat(bias != nullptr ? kScale * bias[o] : 0.0f);
    PYCNN_UNROLL
    for (int t = 0; t < T; ++t) both[t][o] = start;
  }
  const float* w = weights;
  for (std::int64_t c = 0; c < x.channels; ++c, w += kLines * channels) {
    add_line(x, 0, c, w, both);
    add_line(x, 1, c, w + channels, both);
    add_line(x, 2, c, w + 2 * channels, across);
  }
  V upper[T][O], lower[T][O];
  PYCNN_UNROLL
  for (int t = 0; t < T; ++t) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) {
      upper[t][o] = both[t][o] + across[t][o];
      lower[t][o] = both[t][o] - across[t][o];
    }
  }
  w = weights + 3 * channels;
  for (std::int64_t c = 0; c < x.channels; ++c, w += kLines * channels) {
    add_line(x, 3, c, w, upper);
    add_line(x, 4, c, w + channels, upper);
    add_line(x, 5, c, w + 2 * channels, lower);
    add_line(x, 6, c, w + 3 * channels, lower);
  }
  PYCNN_UNROLL
  for (int t = 0; t < T; ++t) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) {
      float* rows = to + (t * channels + o) * kRowPair;
      store(rows, upper[t][o]);
      store(rows + W, lower[t][o]);
    }
  }
}

// One window and channel, from its sums at all points.
PYCNN_INLINE void pool_window(const float* sums, std::int64_t point, bool relu_after, float* y,
                              std::uint8_t* code) {
  V values[kWindowRows * kLongTileColumns];
  PYCNN_UNROLL
  for (int r = 0; r < kWindowRows; ++r, sums += W) {
    V m[kPoints], columns[kLongTileColumns];
    PYCNN_UNROLL
    for (int k = 0; k < kPoints; ++k) m[k] = load(sums + k * point);
    points_to_columns(m, columns);
    values[r * kLongTileColumns] = columns[0];
    values[r * kLongTileColumns + 1] = columns[1];
  }
  write_window(values, relu_after, y, code);
}

// T windows side by side.
template <int T>
void pool_windows(const Conv2dGeometry& g, const Scratch& s,
                  const float* const (&rows)[Scratch::kRows], std::int64_t at, const float* bias,
                  bool relu_after, float* scratch, float* y, std::uint8_t* code) {
  const std::int64_t point = T * g.out_channels * kRowPair;
  for (int k = 0; k < kPoints; ++k) {
    const auto add = [&](const auto& lines) {
      const float* weights = scratch + s.kernel + k * kLines * s.column;
      const float* start = k == 1 ? bias : nullptr;  // the point 1 goes to both columns as it is
      for_parts<kWindowChannels>(g.out_channels, [&](int o, auto n) {
        point_sums<T, n.value>(lines, weights + o, g.out_channels,
                               start != nullptr ? start + o : nullptr,
                               scratch + s.sums + k * point + o * kRowPair);
      });
    };
    MadeLines made{{}, g.in_channels};
    for (int i = 0; i < Scratch::kRows; ++i) made.rows[i] = rows[i] + at + k * W;
    if (KeptLines::pay(g.in_channels)) {
      const KeptLines kept{scratch + s.lines, g.in_channels};
      kept.keep(made, T);
      add(kept);
    } else {
      add(made);
    }
  }
  const float* sums = scratch + s.sums;
  for (int i = 0; i < T * g.out_channels; ++i, sums += kRowPair, y += kLanes) {
    pool_window(sums, point, relu_after, y, code);
    code = further(code, kLanes);
  }
}

}  // namespace

void conv2d_forward_pool_winograd(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                  const float* bias, bool relu_after, float* scratch, View y,
                                  std::uint8_t* code) {
  const Scratch s(g);
  if (s.single) {
    return conv2d_forward_pool_winograd_single(g, x, kernel, bias, relu_after, scratch, y, code);
  }
  const std::int64_t tile = std::int64_t{g.in_channels} * Scratch::kPointSlots * W;
  const std::int64_t pooled_pixel = std::int64_t{g.out_channels} * kLanes;
  transform_kernel<kLines>(g, kernel, taps_to_lines, scratch + s.kernel);
  for (int lane = 0; lane < kLanes; lane += W) {
    for_window_rows(g, x, lane, y.height, scratch, [&](int h, const auto& rows) {
      std::uint8_t* places = further(code, h * y.width * pooled_pixel + lane);
      for_parts<kTiles>(y.width, [&](int t, auto n) {
        pool_windows<n.value>(g, s, rows, t * tile, bias, relu_after, scratch, y.at(h, t) + lane,
                              further(places, t * pooled_pixel));
      });
    });
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
