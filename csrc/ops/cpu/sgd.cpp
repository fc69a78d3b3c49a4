#include "ops/sgd.h"

#include "ops/cpu/partial_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void update(const SgdOptions& options, float learning_rate, const Stretch& s) {
  const float decay = learning_rate * options.weight_decay;
  const float momentum = options.momentum;
  for (std::int64_t i = 0; i < s.size; i += W) {
    const V step = sum_partials(s.gradient, i) * learning_rate;
    V w = load(s.parameters + i);
    w = w - w * decay;
    if (s.state == nullptr) {
      w = w - step;
    } else {
      const V v = load(s.state + i) * momentum - step;
      store(s.state + i, v);
      w = w + (options.nesterov ? v * momentum - step : v);
    }
    store(s.parameters + i, w);
  }
}

}  // namespace

extern const SgdKernels sgd_kernels;
const SgdKernels sgd_kernels{update};

}  // namespace pycnn::cpu::PYCNN_ISA
