#pragma once
// The rule of ops/rmsprop.h for one weight.

#include "ops/cuda/update.cuh"
#include "ops/rmsprop.h"

namespace pycnn::cuda {

struct RmspropRule {  // the options as the rule wants them
  float rho, new_share, momentum, epsilon, weight_decay;
  bool centered;

  __device__ void operator()(const Update& u, std::int64_t i) const {
    const float learning_rate = u.step->learning_rates[u.step->done];
    float* square = u.state;
    float* mean = square + u.state_stride;
    float* change = square + (centered ? 2 : 1) * u.state_stride;
    const float g = u.gradient[i];
    const float v = square[i] * rho + g * g * new_share;
    square[i] = v;
    float variance = v;
    if (centered) {
      const float a = mean[i] * rho + g * new_share;
      mean[i] = a;
      variance = v - a * a;
      if (variance < 0.0f) variance = 0.0f;
    }
    float step = g * learning_rate / sqrtf(variance + epsilon);
    if (momentum != 0.0f) {
      step = step + change[i] * momentum;
      change[i] = step;
    }
    float w = u.parameters[i];
    w = w - w * (learning_rate * weight_decay);
    u.parameters[i] = w - step;
  }
};

inline RmspropRule rule(const RmspropOptions& options) {
  return {static_cast<float>(options.rho),
          static_cast<float>(1.0 - options.rho),
          options.momentum,
          options.epsilon,
          options.weight_decay,
          options.centered};
}

}  // namespace pycnn::cuda
