#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_tile.h"

// The weights' gradient of conv2d with pooling where the rows of a patch are too short to fill long
// vectors: the lanes are images as elsewhere, and each picks the winner among the four values of a
// tap.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Tile of kernel rows x taps of each.
constexpr int kRows = 4;
constexpr int kTaps = kAccumulators == 24 ? 8 : 6;

struct Windows {
  std::int64_t right, down, row;  // in x: to the next output pixel, output row, kernel row
  ConstView dy;
  const std::uint8_t* code;
  std::int64_t kernel_row;  // weights from one kernel row to the next
};

// J taps of a kernel row, each from the column that a lane's winner sees.
template <int J>
PYCNN_INLINE void pick_columns(const float* x, std::int64_t right, VI is_right, V (&taps)[J]) {
  PYCNN_UNROLL
  for (int j = 0; j < J; ++j) {
    const V left_tap = load(x + j * kLanes), right_tap = load(x + right + j * kLanes);
    taps[j] = is_right ? right_tap : left_tap;
  }
}

// With a stride of 1 (`Dense`) the row below is the next kernel row's own.
template <int R, int J, bool Dense>
void select_tile(const Windows& s, const float* x, int channel, bool accumulate, float* dkernel) {
  V acc[R][J][1];
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) start<J, 1>(nullptr, acc[r]);
  const std::int64_t step = std::int64_t{s.dy.channels} * kLanes;
  for (int lane = 0; lane < kLanes; lane += W) {
    const std::uint8_t* code = s.code + std::int64_t{channel} * kLanes + lane;
    for (int h = 0; h < s.dy.height; ++h) {
      const float* at = x + 2 * h * s.down + lane;
      const float* dy = s.dy.at(h, 0, channel) + lane;
      for (int w = 0; w < s.dy.width; ++w, at += 2 * s.right, dy += step, code += step) {
        const VI place = load_bytes(code);
        const V gradient = place == 4 ? V{} : load(dy);
        const VI is_right = (place & 1) != 0, is_below = (place & 2) != 0;
        V above[J], below[J];
        pick_columns(at, s.right, is_right, above);
        PYCNN_UNROLL
        for (int r = 0; r < R; ++r) {
          if (!Dense && r > 0) pick_columns(at + r * s.row, s.right, is_right, above);
          pick_columns(at + r * s.row + s.down, s.right, is_right, below);
          PYCNN_UNROLL
          for (int j = 0; j < J; ++j) {
            acc[r][j][0] += gradient * (is_below ? below[j] : above[j]);
            above[j] = below[j];
          }
        }
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    write_sums(acc[r], dkernel + r * s.kernel_row, s.dy.channels, accumulate);
  }
}

template <bool Dense>
void select_kernel(const Conv2dGeometry& g, const Windows& windows, const float* x, bool accumulate,
                   float* dkernel) {
  for_parts<kTaps>(std::int64_t{g.kernel_width} * g.in_channels, [&](int j, auto nj) {
    constexpr int kMost = kAccumulators / nj.value < kRows ? kAccumulators / nj.value : kRows;
    for_parts<kMost>(g.kernel_height, [&](int a, auto na) {
      for (int o = 0; o < g.out_channels; ++o) {
        select_tile<na.value, nj.value, Dense>(
            windows, x + a * windows.row + std::int64_t{j} * kLanes, o, accumulate,
            dkernel + a * windows.kernel_row + std::int64_t{j} * g.out_channels + o);
      }
    });
  });
}

}  // namespace

void conv2d_pool_select_params(const Conv2dGeometry& g, ConstView x, ConstView dy,
                               const std::uint8_t* code, bool accumulate, float* dkernel,
                               float* dbias) {
  const Windows windows{std::int64_t{g.stride_width} * g.in_channels * kLanes,
                        g.stride_height * x.row,
                        x.row,
                        dy,
                        code,
                        std::int64_t{g.kernel_width} * g.in_channels * g.out_channels};
  const float* first = x.at(-g.pad_top, -g.pad_left);
  if (g.stride_height == 1) {
    select_kernel<true>(g, windows, first, accumulate, dkernel);
  } else {
    select_kernel<false>(g, windows, first, accumulate, dkernel);
  }
  if (dbias != nullptr) backward_pooled_bias(dy, code, accumulate, dbias);
}

}  // namespace pycnn::cpu::PYCNN_ISA
