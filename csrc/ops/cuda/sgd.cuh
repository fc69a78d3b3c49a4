#pragma once
// The rule of ops/sgd.h for one weight.

#include "ops/cuda/update.cuh"
#include "ops/sgd.h"

namespace pycnn::cuda {

struct SgdRule {
  SgdOptions options;

  __device__ void operator()(const Update& u, std::int64_t i) const {
    const float learning_rate = u.step->learning_rates[u.step->done];
    const float step = u.gradient[i] * learning_rate;
    float w = u.parameters[i];
    w = w - w * (learning_rate * options.weight_decay);
    if (u.state == nullptr) {
      w = w - step;
    } else {
      const float v = u.state[i] * options.momentum - step;
      u.state[i] = v;
      w = w + (options.nesterov ? v * options.momentum - step : v);
    }
    u.parameters[i] = w;
  }
};

inline SgdRule rule(const SgdOptions& options) { return {options}; }

}  // namespace pycnn::cuda
