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

void backward_sums(ConstView dy, ConstView x, const float* mean, const float* inverse_deviation,
                   int count, float* sum_dy, float* sum_dyh) {
  const Mask mask(count);
  for_channel_groups<kTwoSums>(dy.channels, [&](auto channels, int c) {
    constexpr int kChannels = decltype(channels)::value, kVectors = kChannels * kParts;
    float m[kChannels];
    for (int j = 0; j < kChannels; ++j) m[j] = mean[c + j];
    V sum[2 * kVectors];  // of dy, then of dy (x - mean)
    sum_positions(dy.height, dy.width, sum, [&](int h, int w, int i) {
      if (i < kVectors) return load(dy.at(h, w, c) + i * W) * mask[i];
      const int k = i - kVectors;
      const V g = load(dy.at(h, w, c) + k * W) * mask[k];
      return g * (load(x.at(h, w, c) + k * W) - m[k / kParts]);
    });
    for (int j = 0; j < kChannels; ++j) {
      sum_dy[c + j] = sum_channel(sum, j);
      sum_dyh[c + j] = sum_channel(sum, kChannels + j) * inverse_deviation[c + j];
    }
  });
}

// Numbers of a run of channels, worked out once for all positions.
constexpr int kRun = 64;

// Calls f(first channel, channels) for runs of at most kRun.
template <typename F>
PYCNN_INLINE void for_channel_runs(int channels, F f) {
  for (int c = 0; c < channels; c += kRun) f(c, channels - c < kRun ? channels - c : kRun);
}

void forward(ConstView x, const float* mean, const float* inverse_deviation, const float* gamma,
             const float* beta, View y) {
  for_channel_runs(y.channels, [&](int c, int channels) {
    float scale[kRun], shift[kRun];
    for (int j = 0; j < channels; ++j) {
      scale[j] = inverse_deviation[c + j] * (gamma != nullptr ? gamma[c + j] : 1.0f);
      shift[j] = beta != nullptr ? beta[c + j] : 0.0f;
    }
    for (int h = 0; h < y.height; ++h) {
      for (int w = 0; w < y.width; ++w) {
        const float* from = x.at(h, w, c);
        float* to = y.at(h, w, c);
        for (int j = 0; j < channels; ++j, from += kLanes, to += kLanes) {
          const float m = mean[c + j], a = scale[j], b = shift[j];
          PYCNN_UNROLL
          for (int i = 0; i < kLanes; i += W) {
            store(to + i, (load(from + i) - m) * a + b);
          }
        }
      }
    }
  });
}

void backward_input(ConstView dy, ConstView x, const float* mean, const float* inverse_deviation,
                    const float* gamma, const float* mean_dy, const float* mean_dyh, int count,
                    View dx) {
  const Mask mask(count);
  for_channel_runs(dx.channels, [&](int c, int channels) {
    float scale[kRun], base[kRun], slope[kRun];
    for (int j = 0; j < channels; ++j) {
      scale[j] = inverse_deviation[c + j] * (gamma != nullptr ? gamma[c + j] : 1.0f);
      base[j] = mean_dy != nullptr ? mean_dy[c + j] : 0.0f;
      slope[j] = mean_dyh != nullptr ? mean_dyh[c + j] * inverse_deviation[c + j] : 0.0f;
    }
    for (int h = 0; h < dx.height; ++h) {
      for (int w = 0; w < dx.width; ++w) {
        const float* g = dy.at(h, w, c);
        const float* from = x.at(h, w, c);
        float* to = dx.at(h, w, c);
        for (int j = 0; j < channels; ++j, g += kLanes, from += kLanes, to += kLanes) {
          const float m = mean[c + j], s = slope[j], a = scale[j], b = base[j];
          PYCNN_UNROLL
          for (int i = 0; i < kParts; ++i) {
            const V h_part = (load(from + i * W) - m) * s;
            store(to + i * W, (load(g + i * W) - b - h_part) * a * mask[i]);
          }
        }
      }
    }
  });
}

}  // namespace

extern const BatchNormKernels batch_norm_kernels;
const BatchNormKernels batch_norm_kernels{statistics, forward, backward_sums, backward_input};

}  // namespace pycnn::cpu::PYCNN_ISA
