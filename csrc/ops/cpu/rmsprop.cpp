#include "ops/rmsprop.h"

#include "ops/cpu/math.h"
#include "ops/cpu/partial_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void update(const RmspropOptions& options, float learning_rate, const Stretch& s) {
  const float decay = learning_rate * options.weight_decay;
  const float rho = static_cast<float>(options.rho);
  const float new_share = static_cast<float>(1.0 - options.rho);
  float* square = s.state;
  float* mean = square + s.state_stride;
  float* change = square + (options.centered ? 2 : 1) * s.state_stride;
  for (std::int64_t i = 0; i < s.size; i += W) {
    const V g = sum_partials(s.gradient, i);
    const V v = load(square + i) * rho + g * g * new_share;
    store(square + i, v);
    V variance = v;
    if (options.centered) {
      const V a = load(mean + i) * rho + g * new_share;
      store(mean + i, a);
      variance = max(v - a * a, V{});
    }
    V step = g * learning_rate / sqrt(variance + options.epsilon);
    if (options.momentum != 0.0f) {
      step = step + load(change + i) * options.momentum;
      store(change + i, step);
    }
    V w = load(s.parameters + i);
    w = w - w * decay;
    store(s.parameters + i, w - step);
  }
}

}  // namespace

extern const RmspropKernels rmsprop_kernels;
const RmspropKernels rmsprop_kernels{update};

}  // namespace pycnn::cpu::PYCNN_ISA
