#include "ops/sgd.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

V gradient(const float* gradients, int partials, std::int64_t partial_stride) {
  V g = load(gradients);
  for (int p = 1; p < partials; ++p) g += load(gradients + p * partial_stride);
  return g;
}

void update(const SgdOptions& options, float learning_rate, const float* gradients, int partials,
            std::int64_t partial_stride, std::int64_t count, float* parameters, float* velocity) {
  const float decay = learning_rate * options.weight_decay;
  const float momentum = options.momentum;
  for (std::int64_t i = 0; i < count; i += W) {
    const V step = gradient(gradients + i, partials, partial_stride) * learning_rate;
    V w = load(parameters + i);
    w = w - w * decay;
    if (velocity == nullptr) {
      w = w - step;
    } else {
      const V v = load(velocity + i) * momentum - step;
      store(velocity + i, v);
      w = w + (options.nesterov ? v * momentum - step : v);
    }
    store(parameters + i, w);
  }
}

}  // namespace

extern const SgdKernels sgd_kernels;
const SgdKernels sgd_kernels{update};

}  // namespace pycnn::cpu::PYCNN_ISA
