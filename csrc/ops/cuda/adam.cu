#include "ops/adam.h"
#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {
namespace {

// The options as the kernel wants them.
struct Shares {
  float new_share_1, new_share_2, epsilon, weight_decay;
  bool amsgrad;
};

__global__ void update_kernel(Shares o, Update u) {
  const std::int64_t i = global_index();
  if (i >= u.size || u.step->failed != 0) return;
  const float learning_rate = u.step->learning_rates[u.step->done];
  const float rate = u.step->corrected_rates[u.step->done];
  float& mean = u.state[i];
  float& square = u.state[u.state_stride + i];
  const float g = u.gradient[i];
  const float m = mean + (g - mean) * o.new_share_1;
  float v = square + (g * g - square) * o.new_share_2;
  mean = m;
  square = v;
  if (o.amsgrad) {
    float& largest = u.state[2 * u.state_stride + i];
    v = v > largest ? v : largest;
    largest = v;
  }
  float w = u.parameters[i];
  w = w - w * (learning_rate * o.weight_decay);
  u.parameters[i] = w - m * rate / (sqrtf(v) + o.epsilon);
}

}  // namespace

void adam_update(const AdamOptions& options, const Update& update, Stream stream) {
  const Shares shares{static_cast<float>(1.0 - options.beta_1),
                      static_cast<float>(1.0 - options.beta_2), options.epsilon,
                      options.weight_decay, options.amsgrad};
  run_each(update.size, update_kernel, stream, shares, update);
}

}  // namespace pycnn::cuda
