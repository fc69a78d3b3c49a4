#include "ops/batch_norm.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Sums of one vector of channels over the positions of an image, `Sums` of them at once: term(h, w,
// terms) gives what a position adds. Neighbouring positions go to different partial sums, so that
// the additions need not wait for each other.
template <int Sums, typename F>
PYCNN_INLINE void sum_positions(int height, int width, V (&sums)[Sums], F term) {
  constexpr int kParallel = 4;
  V partial[kParallel][Sums] = {};
  for (int h = 0; h < height; ++h) {
    int w = 0;
    for (; w + kParallel <= width; w += kParallel) {
      PYCNN_UNROLL
      for (int p = 0; p < kParallel; ++p) {
        V terms[Sums];
        term(h, w + p, terms);
        PYCNN_UNROLL
        for (int s = 0; s < Sums; ++s) partial[p][s] += terms[s];
      }
    }
    for (; w < width; ++w) {
      V terms[Sums];
      term(h, w, terms);
      PYCNN_UNROLL
      for (int s = 0; s < Sums; ++s) partial[0][s] += terms[s];
    }
  }
  PYCNN_UNROLL
  for (int s = 0; s < Sums; ++s) {
    sums[s] = (partial[0][s] + partial[1][s]) + (partial[2][s] + partial[3][s]);
  }
}

void statistics(ConstChannelView x, int n, float* mean, float* deviation) {
  const float positions = static_cast<float>(x.height) * static_cast<float>(x.width);
  for (std::int64_t c = 0; c < x.pixel(); c += W) {
    V sum[1];
    sum_positions(x.height, x.width, sum,
                  [&](int h, int w, V(&terms)[1]) { terms[0] = load(x.at(n, h, w) + c); });
    const V m = sum[0] / positions;
    store(mean + c, m);
    // A second pass, for the squares of the numbers themselves would cancel.
    sum_positions(x.height, x.width, sum, [&](int h, int w, V(&terms)[1]) {
      const V d = load(x.at(n, h, w) + c) - m;
      terms[0] = d * d;
    });
    store(deviation + c, sum[0]);
  }
}

PYCNN_INLINE V load_or(const float* values, std::int64_t c, float otherwise) {
  return values != nullptr ? load(values + c) : splat(otherwise);
}

// A normalization for one vector of channels.
template <bool Relu>
struct Channels {
  V mean, inverse, scale, shift;
  PYCNN_INLINE Channels(const Normalization& norm, std::int64_t c)
      : mean(load(norm.mean + c)),
        inverse(load(norm.inverse_deviation + c)),
        scale(inverse * load_or(norm.gamma, c, 1.0f)),
        shift(load_or(norm.beta, c, 0.0f)) {}
  PYCNN_INLINE V before_relu(V x) const { return (x - mean) * scale + shift; }
  PYCNN_INLINE V y(V x) const { return Relu ? relu(before_relu(x)) : before_relu(x); }
  PYCNN_INLINE V gradient(V dy, V x) const { return Relu ? relu_gradient(dy, before_relu(x)) : dy; }
};

template <bool Relu>
void forward(const Normalization& norm, ConstChannelView x, int n, ChannelView y) {
  for (std::int64_t c = 0; c < y.pixel(); c += W) {
    const Channels<Relu> channels(norm, c);
    for (int h = 0; h < y.height; ++h) {
      const float* from = x.at(n, h, 0) + c;
      float* to = y.at(n, h, 0) + c;
      for (int w = 0; w < y.width; ++w, from += x.pixel(), to += y.pixel()) {
        store(to, channels.y(load(from)));
      }
    }
  }
}

template <bool Relu>
void backward_sums(const Normalization& norm, ConstChannelView dy, ConstChannelView x, int n,
                   float* sum_dy, float* sum_dyh) {
  for (std::int64_t c = 0; c < x.pixel(); c += W) {
    const Channels<Relu> channels(norm, c);
    V sums[2];
    sum_positions(x.height, x.width, sums, [&](int h, int w, V(&terms)[2]) {
      const V xi = load(x.at(n, h, w) + c);
      terms[0] = channels.gradient(load(dy.at(n, h, w) + c), xi);
      terms[1] = terms[0] * (xi - channels.mean);
    });
    store(sum_dy + c, sums[0]);
    store(sum_dyh + c, sums[1] * channels.inverse);
  }
}

template <bool Relu>
void backward_input(const Normalization& norm, ConstChannelView dy, ConstChannelView x, int n,
                    const float* mean_dy, const float* mean_dyh, ChannelView dx) {
  for (std::int64_t c = 0; c < dx.pixel(); c += W) {
    const Channels<Relu> channels(norm, c);
    const V base = load_or(mean_dy, c, 0.0f);
    const V slope = load_or(mean_dyh, c, 0.0f) * channels.inverse;
    for (int h = 0; h < dx.height; ++h) {
      const float* xi = x.at(n, h, 0) + c;
      const float* di = dy.at(n, h, 0) + c;
      float* to = dx.at(n, h, 0) + c;
      for (int w = 0; w < dx.width; ++w, xi += x.pixel(), di += dy.pixel(), to += dx.pixel()) {
        const V g = channels.gradient(load(di), load(xi));
        store(to, channels.scale * (g - base - (load(xi) - channels.mean) * slope));
      }
    }
  }
}

// Each pass by one of two loops, so that none asks at every number whether there is a ReLU.

void choose_forward(const Normalization& norm, ConstChannelView x, int n, ChannelView y) {
  norm.relu ? forward<true>(norm, x, n, y) : forward<false>(norm, x, n, y);
}

void choose_backward_sums(const Normalization& norm, ConstChannelView dy, ConstChannelView x, int n,
                          float* sum_dy, float* sum_dyh) {
  norm.relu ? backward_sums<true>(norm, dy, x, n, sum_dy, sum_dyh)
            : backward_sums<false>(norm, dy, x, n, sum_dy, sum_dyh);
}

void choose_backward_input(const Normalization& norm, ConstChannelView dy, ConstChannelView x,
                           int n, const float* mean_dy, const float* mean_dyh, ChannelView dx) {
  norm.relu ? backward_input<true>(norm, dy, x, n, mean_dy, mean_dyh, dx)
            : backward_input<false>(norm, dy, x, n, mean_dy, mean_dyh, dx);
}

}  // namespace

extern const BatchNormChannelKernels batch_norm_channel_kernels;
const BatchNormChannelKernels batch_norm_channel_kernels{
    statistics, choose_forward, choose_backward_sums, choose_backward_input};

}  // namespace pycnn::cpu::PYCNN_ISA
