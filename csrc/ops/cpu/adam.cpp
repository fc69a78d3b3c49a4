#include "ops/adam.h"

#include "ops/cpu/math.h"
#include "ops/cpu/partial_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void update(const AdamOptions& options, float learning_rate, float rate, const Stretch& s) {
  const float decay = learning_rate * options.weight_decay;
  const float new_share_1 = static_cast<float>(1.0 - options.beta_1);
  const float new_share_2 = static_cast<float>(1.0 - options.beta_2);
  float* mean = s.state;
  float* square = mean + s.state_stride;
  float* largest = square + s.state_stride;
  for (std::int64_t i = 0; i < s.size; i += W) {
    const V g = sum_partials(s.gradient, i);
    V m = load(mean + i), v = load(square + i), w = load(s.parameters + i);
    m = m + (g - m) * new_share_1;
    v = v + (g * g - v) * new_share_2;
    store(mean + i, m);
    store(square + i, v);
    if (options.amsgrad) {
      v = max(v, load(largest + i));
      store(largest + i, v);
    }
    w = w - w * decay;
    store(s.parameters + i, w - m * rate / (sqrt(v) + options.epsilon));
  }
}

}  // namespace

extern const AdamKernels adam_kernels;
const AdamKernels adam_kernels{update};

}  // namespace pycnn::cpu::PYCNN_ISA
