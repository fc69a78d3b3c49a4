#pragma once
// The rule of ops/adam.h for one weight.

#include "ops/adam.h"
#include "ops/cuda/update.cuh"

namespace pycnn::cuda {

struct AdamRule {  // the options as the rule wants them
  float new_share_1, new_share_2, epsilon, weight_decay;
  bool amsgrad;

  __device__ void operator()(const Update& u, std::int64_t i) const {
    const float learning_rate = u.step->learning_rates[u.step->done];
    const float rate = u.step->corrected_rates[u.step->done];
    float& mean = u.state[i];
    float& square = u.state[u.state_stride + i];
    const float g = u.gradient[i];
    const float m = mean + (g - mean) * new_share_1;
    float v = square + (g * g - square) * new_share_2;
    mean = m;
    square = v;
    if (amsgrad) {
      float& largest = u.state[2 * u.state_stride + i];
      v = v > largest ? v : largest;
      largest = v;
    }
    float w = u.parameters[i];
    w = w - w * (learning_rate * weight_decay);
    u.parameters[i] = w - m * rate / (sqrtf(v) + epsilon);
  }
};

inline AdamRule rule(const AdamOptions& options) {
  return {static_cast<float>(1.0 - options.beta_1), static_cast<float>(1.0 - options.beta_2),
          options.epsilon, options.weight_decay, options.amsgrad};
}

}  // namespace pycnn::cuda
