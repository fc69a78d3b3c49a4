#include "ops/global_max_pool2d.h"

#include "ops/cpu/channel_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Channels whose state is in registers at once.
constexpr int kChannelsAtOnce = kAccumulators / kParts < 8 ? kAccumulators / kParts : 8;

// Calls f(h, w) for all positions in row-major order.
template <typename F>
PYCNN_INLINE void for_each_position(ConstView x, F f) {
  for (int h = 0; h < x.height; ++h) {
    for (int w = 0; w < x.width; ++w) f(h, w);
  }
}

void forward(ConstView x, View y) {
  for_channel_groups<kChannelsAtOnce>(x.channels, [&](auto channels, int c) {
    constexpr int kVectors = decltype(channels)::value * kParts;
    V largest[kVectors];
    for (int i = 0; i < kVectors; ++i) largest[i] = load(x.at(0, 0, c) + i * W);
    for_each_position(x, [&](int h, int w) {
      PYCNN_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        const V v = load(x.at(h, w, c) + i * W);
        // The second test lets NaN win; once it has, nothing compares greater.
        largest[i] = ((v > largest[i]) | (v != v)) ? v : largest[i];
      }
    });
    for (int i = 0; i < kVectors; ++i) store(y.at(0, 0, c) + i * W, largest[i]);
  });
}

void backward(ConstView dy, ConstView x, ConstView y, View dx) {
  for_channel_groups<kChannelsAtOnce>(x.channels, [&](auto channels, int c) {
    constexpr int kVectors = decltype(channels)::value * kParts;
    V gradient[kVectors];  // becomes 0 in a lane once it has found its place
    for (int i = 0; i < kVectors; ++i) gradient[i] = load(dy.at(0, 0, c) + i * W);
    for_each_position(x, [&](int h, int w) {
      PYCNN_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        const V v = load(x.at(h, w, c) + i * W), largest = load(y.at(0, 0, c) + i * W);
        const VI hit = (v == largest) | ((v != v) & (largest != largest));
        store(dx.at(h, w, c) + i * W, hit ? gradient[i] : V{});
        gradient[i] = hit ? V{} : gradient[i];
      }
    });
  });
}

}  // namespace

extern const GlobalMaxPool2dKernels global_max_pool2d_kernels;
const GlobalMaxPool2dKernels global_max_pool2d_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
