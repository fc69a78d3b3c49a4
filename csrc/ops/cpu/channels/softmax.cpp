#include "ops/softmax.h"

#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

template <int... Lane>
PYCNN_INLINE VI lane_numbers(std::integer_sequence<int, Lane...>) {
  return VI{Lane...};
}

// v in the lanes of channels that exist, `otherwise` in the others; the first lane is channel c.
PYCNN_INLINE V existing(V v, int c, int channels, float otherwise) {
  const VI lanes = lane_numbers(std::make_integer_sequence<int, W>());
  return lanes < splat_int(channels - c) ? v : splat(otherwise);
}

template <int Width = W / 2>
PYCNN_INLINE float max_lanes(V v) {
  v = max(v, rotate<Width>(v, std::make_integer_sequence<int, W>()));
  if constexpr (Width > 1) return max_lanes<Width / 2>(v);
  return v[0];
}

void forward_position(const float* x, float* y, int channels) {
  const float least = -__builtin_inff();
  V largest = splat(least);
  for (int c = 0; c < channels; c += W) {
    largest = max(largest, existing(load(x + c), c, channels, least));
  }
  const V shift = splat(max_lanes(largest));
  V sums{};
  for (int c = 0; c < channels; c += W) {
    const V e = existing(exp(load(x + c) - shift), c, channels, 0.0f);
    store(y + c, e);
    sums += e;
  }
  const V sum = splat(sum_lanes(sums));
  for (int c = 0; c < channels; c += W) store(y + c, load(y + c) / sum);
}

void backward_position(const float* dy, const float* y, float* dx, int channels) {
  V products{};
  for (int c = 0; c < channels; c += W) {
    products += existing(load(dy + c) * load(y + c), c, channels, 0.0f);
  }
  const V dot = splat(sum_lanes(products));
  for (int c = 0; c < channels; c += W) store(dx + c, load(y + c) * (load(dy + c) - dot));
}

void forward(ConstChannelView x, int n, ChannelView y) {
  for (int h = 0; h < y.height; ++h) {
    for (int w = 0; w < y.width; ++w) forward_position(x.at(n, h, w), y.at(n, h, w), y.channels);
  }
}

void backward(ConstChannelView dy, ConstChannelView y, int n, ChannelView dx) {
  for (int h = 0; h < dx.height; ++h) {
    for (int w = 0; w < dx.width; ++w) {
      backward_position(dy.at(n, h, w), y.at(n, h, w), dx.at(n, h, w), dx.channels);
    }
  }
}

}  // namespace

extern const SoftmaxChannelKernels softmax_channel_kernels;
const SoftmaxChannelKernels softmax_channel_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
