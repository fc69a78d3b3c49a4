#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_sum.h"
#include "ops/cpu/window_maximum.h"

// conv2d fused with ReLU and 2x2 max pooling, without dilation and groups.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Beside the 4 pixels of a window. With 16 registers a fused multiply-add leaves room for one more.
constexpr int kPoolChannels = kAccumulators == 24 ? 6 : W == 8 ? 3 : 2;

// One pooling window of O channels: four sums, their maximum, and which it was.
template <int O>
void forward_pool_tile(const Sum& sum, const float* x, const std::int64_t (&pixel)[4],
                       const float* kernel, const float* bias, bool relu_after, float* y,
                       std::uint8_t* code) {
  V acc[4][O];
  start(bias, acc);
  accumulate<true>(sum, x, pixel, kernel, acc);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V values[4] = {acc[0][o], acc[1][o], acc[2][o], acc[3][o]};
    V best;
    VI place;
    window_maximum(values, relu_after, best, place);
    store(y + o * kLanes, best);
    store_bytes(code + o * kLanes, place);
  }
}

void clear_row(View v, int h, int from) {
  float* row = v.at(h, from);
  for (std::int64_t i = 0; i < std::int64_t{v.width - from} * v.channels * kLanes; i += W) {
    store(row + i, V{});
  }
}

}  // namespace

void conv2d_forward_pool(const Conv2dGeometry& g, ConstView x, const float* kernel,
                         const float* bias, bool relu_after, View y, std::uint8_t* code) {
  const Sum sum = sum_over_rows(g, x);
  const Split channels(g.out_channels, kPoolChannels);
  const std::int64_t right = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  const std::int64_t down = g.stride_height * x.row;
  const std::int64_t pixel[4] = {0, right, down, down + right};
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int ph = 0; ph < y.height; ++ph) {
      const float* x_row = x.at(2 * ph * g.stride_height - g.pad_top, -g.pad_left) + lane;
      for (int ct = 0, o = 0; ct < channels.parts; o += channels.size(ct++)) {
        for (int pw = 0; pw < y.width; ++pw) {
          const std::int64_t at =
              ((std::int64_t{ph} * y.width + pw) * y.channels + o) * kLanes + lane;
          dispatch<kPoolChannels>(channels.size(ct), [&](auto c) {
            forward_pool_tile<c.value>(sum, x_row + 2 * pw * right, pixel, kernel + o,
                                       bias != nullptr ? bias + o : nullptr, relu_after,
                                       y.at(ph, pw, o) + lane, code + at);
          });
        }
      }
    }
  }
}

void conv2d_backward_pool(ConstView dy, const std::uint8_t* code, View dz) {
  const std::int64_t size = std::int64_t{dy.channels} * kLanes;
  for (int ph = 0; ph < dy.height; ++ph) {
    for (int pw = 0; pw < dy.width; ++pw, code += size) {
      const float* from = dy.at(ph, pw);
      float* to[4] = {dz.at(2 * ph, 2 * pw), dz.at(2 * ph, 2 * pw + 1), dz.at(2 * ph + 1, 2 * pw),
                      dz.at(2 * ph + 1, 2 * pw + 1)};
      for (std::int64_t i = 0; i < size; i += W) {
        const V gradient = load(from + i);
        const VI place = load_bytes(code + i);
        PYCNN_UNROLL
        for (int p = 0; p < 4; ++p) store(to[p] + i, place == p ? gradient : V{});
      }
    }
    // An odd last column belongs to no window.
    for (int r = 0; r < 2; ++r) clear_row(dz, 2 * ph + r, 2 * dy.width);
  }
  for (int h = 2 * dy.height; h < dz.height; ++h) clear_row(dz, h, 0);
}

}  // namespace pycnn::cpu::PYCNN_ISA
