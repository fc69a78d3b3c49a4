#include "ops/cuda/kernel.cuh"
#include "ops/sgd.h"

namespace pycnn::cuda {
namespace {

__global__ void update_kernel(SgdOptions options, Update u) {
  const std::int64_t i = global_index();
  if (i >= u.size || u.step->failed != 0) return;
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

}  // namespace

void sgd_update(const SgdOptions& options, const Update& update, Stream stream) {
  run_each(update.size, update_kernel, stream, options, update);
}

}  // namespace pycnn::cuda
