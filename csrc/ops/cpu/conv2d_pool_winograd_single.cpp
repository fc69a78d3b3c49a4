#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/conv2d_winograd_transforms.h"
#include "ops/cpu/tile.h"

// conv2d_pool_winograd.cpp's sums for one input channel, whose rows are not added up before the
// product: there is too little to multiply. The sums of a pooling window stay in registers, those
// of two points at a time.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

using namespace winograd;
using Scratch = WinogradPoolScratch;

constexpr int kPair = 2;
constexpr int kWindowRows = Scratch::kWindowRows;
constexpr int kWindowChannels = kAccumulators / (kPair * kWindowRows);

// acc[r][k][o] += the sum of window row r at the k-th of two points. `kernel` is
// [point][kernel row][channel], `channels` of them in each row.
template <int First, int Second, int O>
PYCNN_INLINE void add_points(const float* const (&rows)[Scratch::kRows], std::int64_t at,
                             const float* kernel, std::int64_t channels,
                             V (&acc)[kWindowRows][kPair][O]) {
  constexpr int kPointsHere[kPair] = {First, Second};
  for (int a = 0; a < kLongTaps; ++a) {
    PYCNN_UNROLL
    for (int k = 0; k < kPair; ++k) {
      const int point = kPointsHere[k];
      V x[kWindowRows] = {load(rows[a] + at + point * W), load(rows[a + 1] + at + point * W)};
      // Else GCC 12 reads each of them again for every channel.
      keep_in_register(x[0]);
      keep_in_register(x[1]);
      PYCNN_UNROLL
      for (int o = 0; o < O; ++o) {
        const V weight = splat(kernel[(point * kLongTaps + a) * channels + o]);
        PYCNN_UNROLL
        for (int r = 0; r < kWindowRows; ++r) acc[r][k][o] += weight * x[r];
      }
    }
  }
}

// 24 times the sums of a pooling window, acc[row][column][channel].
template <int O>
PYCNN_INLINE void window_sums(const float* const (&rows)[Scratch::kRows], std::int64_t at,
                              const float* kernel, const float* bias, std::int64_t channels,
                              V (&acc)[kWindowRows][kLongTileColumns][O]) {
  V near[kWindowRows][kPair][O] = {}, far[kWindowRows][kPair][O] = {};
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V start = splat(bias != nullptr ? kScale * bias[o] : 0.0f);  // of both columns
    PYCNN_UNROLL
    for (int r = 0; r < kWindowRows; ++r) near[r][0][o] = start;
  }
  add_points<1, 2>(rows, at, kernel, channels, near);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    PYCNN_UNROLL
    for (int r = 0; r < kWindowRows; ++r) {
      acc[r][0][o] = near[r][0][o] + near[r][1][o];
      acc[r][1][o] = near[r][0][o] - near[r][1][o];
    }
  }
  add_points<3, 4>(rows, at, kernel, channels, far);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    PYCNN_UNROLL
    for (int r = 0; r < kWindowRows; ++r) {
      acc[r][0][o] += far[r][0][o] + far[r][1][o];
      acc[r][1][o] += 2.0f * (far[r][0][o] - far[r][1][o]);
    }
  }
  add_points<0, 5>(rows, at, kernel, channels, acc);
}

// One pooling window of O channels, W lanes.
template <int O>
void pool_window(const float* const (&rows)[Scratch::kRows], std::int64_t at, const float* kernel,
                 const float* bias, std::int64_t channels, bool relu_after, float* y,
                 std::uint8_t* code) {
  V acc[kWindowRows][kLongTileColumns][O];
  window_sums<O>(rows, at, kernel, bias, channels, acc);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V values[4] = {acc[0][0][o], acc[0][1][o], acc[1][0][o], acc[1][1][o]};
    write_window(values, relu_after, y + o * kLanes, further(code, o * kLanes));
  }
}

// A row of pooling windows.
void pool_row(int tiles, std::int64_t channels, const float* const (&rows)[Scratch::kRows],
              const float* kernel, const float* bias, bool relu_after, float* y,
              std::uint8_t* code) {
  const std::int64_t window = channels * kLanes;
  for (int t = 0; t < tiles; ++t, y += window) {
    for_parts<kWindowChannels>(channels, [&](int o, auto n) {
      pool_window<n.value>(rows, t * Scratch::kPointSlots * W, kernel + o,
                           bias != nullptr ? bias + o : nullptr, channels, relu_after,
                           y + o * kLanes, further(code, o * kLanes));
    });
    code = further(code, window);
  }
}

}  // namespace

void conv2d_forward_pool_winograd_single(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                         const float* bias, bool relu_after, float* scratch, View y,
                                         std::uint8_t* code) {
  const Scratch s(g);
  const auto rows_as_they_are = [](const V(&taps)[kLongTaps], V(&lines)[kLongTaps]) {
    for (int a = 0; a < kLongTaps; ++a) lines[a] = taps[a];
  };
  transform_kernel<kLongTaps>(g, kernel, rows_as_they_are, scratch + s.kernel);
  for (int lane = 0; lane < kLanes; lane += W) {
    for_window_rows(g, x, lane, y.height, scratch, [&](int h, const auto& rows) {
      pool_row(s.tiles, g.out_channels, rows, scratch + s.kernel, bias, relu_after,
               y.at(h, 0) + lane,
               further(code, std::int64_t{h} * y.width * y.channels * kLanes + lane));
    });
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
