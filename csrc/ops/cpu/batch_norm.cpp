#include "ops/batch_norm.h"

#include "ops/cpu/channel_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Channels whose sums are in registers at once: one sum each, or two.
constexpr int kOneSum = kAccumulators / kParts < 16 ? kAccumulators / kParts : 16;
constexpr int kTwoSums = (kOneSum + 1) / 2;

// 1 in the lanes of images, 0 in the others: a factor for vector i of a run of channels.
struct Mask {
  V parts[kParts];
  explicit Mask(int count) {
    for (int i = 0; i < kParts; ++i) {
      for (int l = 0; l < W; ++l) parts[i][l] = i * W + l < count ? 1.0f : 0.0f;
    }
  }
  PYCNN_INLINE V operator[](int i) const { return parts[i % kParts]; }
};

void statistics(ConstView x, int count, float* mean, float* deviation) {
  const Mask mask(count);
  const float n =
      static_cast<float>(x.height) * static_cast<float>(x.width) * static_cast<float>(count);
  for_channel_groups<kOneSum>(x.channels, [&](auto channels, int c) {
    constexpr int kChannels = decltype(channels)::value;
    V sum[kChannels * kParts];
    sum_positions(x.height, x.width, sum,
                  [&](int h, int w, int i) { return load(x.at(h, w, c) + i * W) * mask[i]; });
    float m[kChannels];
    for (int j = 0; j < kChannels; ++j) mean[c + j] = m[j] = sum_channel(sum, j) / n;
    // A second pass, for the squares of the numbers themselves would cancel.
    sum_positions(x.height, x.width, sum, [&](int h, int w, int i) {
      const V d = (load(x.at(h, w, c) + i * W) - m[i / kParts]) * mask[i];
      return d * d;
    });
    for (int j = 0; j < kChannels; ++j) deviation[c + j] = sum_channel(sum, j);
  });
}

// A normalization for the channels of a run, worked out once for all positions.
template <bool Relu, int Most>
struct Channels {
  float mean[Most], scale[Most], shift[Most];
  PYCNN_INLINE Channels(const Normalization& norm, int c, int channels) {
    for (int j = 0; j < channels; ++j) {
      mean[j] = norm.mean[c + j];
      scale[j] = norm.inverse_deviation[c + j] * (norm.gamma != nullptr ? norm.gamma[c + j] : 1.0f);
      shift[j] = norm.beta != nullptr ? norm.beta[c + j] : 0.0f;
    }
  }
  PYCNN_INLINE V before_relu(int j, V x) const { return (x - mean[j]) * scale[j] + shift[j]; }
  PYCNN_INLINE V y(int j, V x) const { return Relu ? relu(before_relu(j, x)) : before_relu(j, x); }
  PYCNN_INLINE V gradient(int j, V dy, V x) const {
    return Relu ? relu_gradient(dy, before_relu(j, x)) : dy;
  }
};

template <bool Relu>
void backward_sums(const Normalization& norm, ConstView dy, ConstView x, int count, float* sum_dy,
                   float* sum_dyh) {
  const Mask mask(count);
  for_channel_groups<kTwoSums>(dy.channels, [&](auto channels, int c) {
    constexpr int kChannels = decltype(channels)::value, kVectors = kChannels * kParts;
    const Channels<Relu, kChannels> group(norm, c, kChannels);
    V sum[2 * kVectors];  // of dy, then of dy (x - mean)
    sum_positions(dy.height, dy.width, sum, [&](int h, int w, int i) {
      const int k = i < kVectors ? i : i - kVectors, j = k / kParts;
      const V xi = load(x.at(h, w, c) + k * W);
      const V g = group.gradient(j, load(dy.at(h, w, c) + k * W), xi) * mask[k];
      return i < kVectors ? g : g * (xi - group.mean[j]);
    });
    for (int j = 0; j < kChannels; ++j) {
      sum_dy[c + j] = sum_channel(sum, j);
      sum_dyh[c + j] = sum_channel(sum, kChannels + j) * norm.inverse_deviation[c + j];
    }
  });
}

constexpr int kRun = 64;

// Calls f(first channel, channels) for runs of at most kRun.
template <typename F>
PYCNN_INLINE void for_channel_runs(int channels, F f) {
  for (int c = 0; c < channels; c += kRun) f(c, channels - c < kRun ? channels - c : kRun);
}

template <bool Relu>
void forward(const Normalization& norm, ConstView x, View y) {
  for_channel_runs(y.channels, [&](int c, int channels) {
    const Channels<Relu, kRun> run(norm, c, channels);
    for (int h = 0; h < y.height; ++h) {
      for (int w = 0; w < y.width; ++w) {
        const float* from = x.at(h, w, c);
        float* to = y.at(h, w, c);
        for (int j = 0; j < channels; ++j, from += kLanes, to += kLanes) {
          PYCNN_UNROLL
          for (int i = 0; i < kLanes; i += W) store(to + i, run.y(j, load(from + i)));
        }
      }
    }
  });
}

template <bool Relu>
void backward_input(const Normalization& norm, ConstView dy, ConstView x, const float* mean_dy,
                    const float* mean_dyh, int count, View dx) {
  const Mask mask(count);
  for_channel_runs(dx.channels, [&](int c, int channels) {
    const Channels<Relu, kRun> run(norm, c, channels);
    float base[kRun], slope[kRun];
    for (int j = 0; j < channels; ++j) {
      base[j] = mean_dy != nullptr ? mean_dy[c + j] : 0.0f;
      slope[j] = mean_dyh != nullptr ? mean_dyh[c + j] * norm.inverse_deviation[c + j] : 0.0f;
    }
    for (int h = 0; h < dx.height; ++h) {
      for (int w = 0; w < dx.width; ++w) {
        const float* from_dy = dy.at(h, w, c);
        const float* from = x.at(h, w, c);
        float* to = dx.at(h, w, c);
        for (int j = 0; j < channels; ++j, from_dy += kLanes, from += kLanes, to += kLanes) {
          PYCNN_UNROLL
          for (int i = 0; i < kParts; ++i) {
            const V xi = load(from + i * W), g = run.gradient(j, load(from_dy + i * W), xi);
            const V h_part = (xi - run.mean[j]) * slope[j];
            store(to + i * W, (g - base[j] - h_part) * run.scale[j] * mask[i]);
          }
        }
      }
    }
  });
}

// Each pass by one of two loops, so that none asks at every number whether there is a ReLU.

void choose_forward(const Normalization& norm, ConstView x, View y) {
  norm.relu ? forward<true>(norm, x, y) : forward<false>(norm, x, y);
}

void choose_backward_sums(const Normalization& norm, ConstView dy, ConstView x, int count,
                          float* sum_dy, float* sum_dyh) {
  norm.relu ? backward_sums<true>(norm, dy, x, count, sum_dy, sum_dyh)
            : backward_sums<false>(norm, dy, x, count, sum_dy, sum_dyh);
}

void choose_backward_input(const Normalization& norm, ConstView dy, ConstView x,
                           const float* mean_dy, const float* mean_dyh, int count, View dx) {
  norm.relu ? backward_input<true>(norm, dy, x, mean_dy, mean_dyh, count, dx)
            : backward_input<false>(norm, dy, x, mean_dy, mean_dyh, count, dx);
}

}  // namespace

extern const BatchNormKernels batch_norm_kernels;
const BatchNormKernels batch_norm_kernels{statistics, choose_forward, choose_backward_sums,
                                          choose_backward_input};

}  // namespace pycnn::cpu::PYCNN_ISA
