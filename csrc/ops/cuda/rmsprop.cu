#include "ops/cuda/kernel.cuh"
#include "ops/rmsprop.h"

namespace pycnn::cuda {
namespace {

// The options as the kernel wants them.
struct Shares {
  float rho, new_share, momentum, epsilon, weight_decay;
  bool centered;
};

__global__ void update_kernel(Shares o, Update u) {
  const std::int64_t i = global_index();
  if (i >= u.size || u.step->failed != 0) return;
  const float learning_rate = u.step->learning_rates[u.step->done];
  float* square = u.state;
  float* mean = square + u.state_stride;
  float* change = square + (o.centered ? 2 : 1) * u.state_stride;
  const float g = u.gradient[i];
  const float v = square[i] * o.rho + g * g * o.new_share;
  square[i] = v;
  float variance = v;
  if (o.centered) {
    const float a = mean[i] * o.rho + g * o.new_share;
    mean[i] = a;
    variance = v - a * a;
    if (variance < 0.0f) variance = 0.0f;
  }
  float step = g * learning_rate / sqrtf(variance + o.epsilon);
  if (o.momentum != 0.0f) {
    step = step + change[i] * o.momentum;
    change[i] = step;
  }
  float w = u.parameters[i];
  w = w - w * (learning_rate * o.weight_decay);
  u.parameters[i] = w - step;
}

}  // namespace

void rmsprop_update(const RmspropOptions& options, const Update& update, Stream stream) {
  const Shares shares{static_cast<float>(options.rho),
                      static_cast<float>(1.0 - options.rho),
                      options.momentum,
                      options.epsilon,
                      options.weight_decay,
                      options.centered};
  run_each(update.size, update_kernel, stream, shares, update);
}

}  // namespace pycnn::cuda
