#include "ops/global_avg_pool2d.h"

#include "ops/cpu/channel_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Channels whose sums are in registers at once.
constexpr int kChannelsAtOnce = kAccumulators / kParts < 8 ? kAccumulators / kParts : 8;

void forward(ConstView x, View y) {
  const float n = static_cast<float>(x.height) * static_cast<float>(x.width);
  for_channel_groups<kChannelsAtOnce>(x.channels, [&](auto channels, int c) {
    V sum[decltype(channels)::value * kParts];
    sum_positions(x.height, x.width, sum,
                  [&](int h, int w, int i) { return load(x.at(h, w, c) + i * W); });
    for (int i = 0; i < decltype(channels)::value * kParts; ++i) {
      store(y.at(0, 0, c) + i * W, sum[i] / n);
    }
  });
}

void backward(ConstView dy, View dx) {
  const float n = static_cast<float>(dx.height) * static_cast<float>(dx.width);
  const std::int64_t size = std::int64_t{dx.channels} * kLanes;
  for (int h = 0; h < dx.height; ++h) {
    for (int w = 0; w < dx.width; ++w) {
      for (std::int64_t i = 0; i < size; i += W) {
        store(dx.at(h, w) + i, load(dy.at(0, 0) + i) / n);
      }
    }
  }
}

}  // namespace

extern const GlobalAvgPool2dKernels global_avg_pool2d_kernels;
const GlobalAvgPool2dKernels global_avg_pool2d_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
