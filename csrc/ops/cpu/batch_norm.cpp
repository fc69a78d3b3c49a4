#include "ops/batch_norm.h"

#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// 1 in the lanes of images, 0 in the others.
V lane_mask(int count, int lane) {
  V v{};
  for (int l = 0; l < W; ++l) v[l] = lane + l < count ? 1.0f : 0.0f;
  return v;
}

// Calls f(pointer offsets h, w) for every position.
template <typename F>
PYCNN_INLINE void for_each_position(int height, int width, F f) {
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w) f(h, w);
  }
}

// Sums one channel over positions and images: f gives the vector of a position, already masked.
template <typename F>
PYCNN_INLINE float sum_channel(ConstView x, F f) {
  V sum{};
  for (int lane = 0; lane < kLanes; lane += W) {
    for_each_position(x.height, x.width, [&](int h, int w) { sum += f(h, w, lane); });
  }
  return sum_lanes(sum);
}

void statistics(ConstView x, int count, float* mean, float* deviation) {
  const float n =
      static_cast<float>(x.height) * static_cast<float>(x.width) * static_cast<float>(count);
  for (int c = 0; c < x.channels; ++c) {
    mean[c] = sum_channel(x,
                          [&](int h, int w, int lane) {
                            return load(x.at(h, w, c) + lane) * lane_mask(count, lane);
                          }) /
              n;
    deviation[c] = sum_channel(x, [&](int h, int w, int lane) {
      const V d = (load(x.at(h, w, c) + lane) - mean[c]) * lane_mask(count, lane);
      return d * d;
    });
  }
}

void forward(ConstView x, const float* mean, const float* inverse_deviation, const float* gamma,
             const float* beta, View y) {
  for_each_position(y.height, y.width, [&](int h, int w) {
    for (int c = 0; c < y.channels; ++c) {
      const float scale = inverse_deviation[c] * (gamma != nullptr ? gamma[c] : 1.0f);
      const float shift = beta != nullptr ? beta[c] : 0.0f;
      const float m = mean[c];
      for (int lane = 0; lane < kLanes; lane += W) {
        store(y.at(h, w, c) + lane, (load(x.at(h, w, c) + lane) - m) * scale + shift);
      }
    }
  });
}

void backward_sums(ConstView dy, ConstView x, const float* mean, const float* inverse_deviation,
                   int count, float* sum_dy, float* sum_dyh) {
  for (int c = 0; c < dy.channels; ++c) {
    sum_dy[c] = sum_channel(dy, [&](int h, int w, int lane) {
      return load(dy.at(h, w, c) + lane) * lane_mask(count, lane);
    });
    sum_dyh[c] = inverse_deviation[c] * sum_channel(dy, [&](int h, int w, int lane) {
                   return load(dy.at(h, w, c) + lane) * (load(x.at(h, w, c) + lane) - mean[c]) *
                          lane_mask(count, lane);
                 });
  }
}

void backward_input(ConstView dy, ConstView x, const float* mean, const float* inverse_deviation,
                    const float* gamma, const float* mean_dy, const float* mean_dyh, int count,
                    View dx) {
  for_each_position(dx.height, dx.width, [&](int h, int w) {
    for (int c = 0; c < dx.channels; ++c) {
      const float scale = inverse_deviation[c] * (gamma != nullptr ? gamma[c] : 1.0f);
      const float base = mean_dy != nullptr ? mean_dy[c] : 0.0f;
      const float slope = mean_dyh != nullptr ? mean_dyh[c] * inverse_deviation[c] : 0.0f;
      for (int lane = 0; lane < kLanes; lane += W) {
        const V h_part = (load(x.at(h, w, c) + lane) - mean[c]) * slope;
        const V d = (load(dy.at(h, w, c) + lane) - base - h_part) * scale;
        store(dx.at(h, w, c) + lane, d * lane_mask(count, lane));
      }
    }
  });
}

}  // namespace

extern const BatchNormKernels batch_norm_kernels;
const BatchNormKernels batch_norm_kernels{statistics, forward, backward_sums, backward_input};

}  // namespace pycnn::cpu::PYCNN_ISA
