#include "ops/local_response_norm.h"

#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Calls f(h, w, lane) for every place and group of lanes.
template <typename F>
PYCNN_INLINE void for_each_place(View y, F f) {
  for (int h = 0; h < y.height; ++h) {
    for (int w = 0; w < y.width; ++w) {
      for (int lane = 0; lane < kLanes; lane += W) f(h, w, lane);
    }
  }
}

// Sum of value(load of channel j) over j in [c - before, c + after] that exist; `at` is channel 0.
template <typename F>
PYCNN_INLINE V window_sum(const float* at, int c, int before, int after, int channels, F value) {
  const int begin = c > before ? c - before : 0;
  const int end = c + 1 + std::int64_t{after} < channels ? c + 1 + after : channels;
  V sum{};
  for (int j = begin; j < end; ++j) sum += value(load(at + j * std::int64_t{kLanes}));
  return sum;
}

PYCNN_INLINE V scale(const LocalResponseNormGeometry& g, const float* x, int c, int channels) {
  const V squares = window_sum(x, c, g.before, g.after, channels, [](V v) { return v * v; });
  return g.k + g.alpha * squares;
}

// s^-beta
PYCNN_INLINE V factor(const LocalResponseNormGeometry& g, V s) { return exp(-g.beta * log(s)); }

void forward(const LocalResponseNormGeometry& g, ConstView x, View y) {
  for_each_place(y, [&](int h, int w, int lane) {
    const float* from = x.at(h, w) + lane;
    for (int c = 0; c < y.channels; ++c) {
      const V v = load(from + c * std::int64_t{kLanes});
      store(y.at(h, w, c) + lane, v * factor(g, scale(g, from, c, y.channels)));
    }
  });
}

void backward(const LocalResponseNormGeometry& g, ConstView dy, ConstView x, float* scratch,
              View dx) {
  const float slope = 2.0f * g.alpha * g.beta;
  for_each_place(dx, [&](int h, int w, int lane) {
    const float* from = x.at(h, w) + lane;
    float* shares = scratch + lane;  // dy_j x_j / s_j^(beta+1)
    for (int c = 0; c < dx.channels; ++c) {
      const V s = scale(g, from, c, dx.channels);
      const V direct = load(dy.at(h, w, c) + lane) * factor(g, s);
      store(dx.at(h, w, c) + lane, direct);
      store(shares + c * std::int64_t{kLanes}, direct * load(x.at(h, w, c) + lane) / s);
    }
    for (int c = 0; c < dx.channels; ++c) {
      // x_c is in the sums of the channels whose window reaches it: the window mirrored.
      const V sum = window_sum(shares, c, g.after, g.before, dx.channels, [](V v) { return v; });
      float* to = dx.at(h, w, c) + lane;
      store(to, load(to) - slope * load(x.at(h, w, c) + lane) * sum);
    }
  });
}

}  // namespace

extern const LocalResponseNormKernels local_response_norm_kernels;
const LocalResponseNormKernels local_response_norm_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
