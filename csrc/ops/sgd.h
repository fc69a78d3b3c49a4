#pragma once
// Stochastic gradient descent as Keras has it, for learning rate r, momentum m, decay d:
//   w -= r d w;  v = m v - r g;  w += v   (Nesterov: w += m v - r g)

#include <cstdint>

namespace pycnn {

struct SgdOptions {
  float momentum = 0.0f;
  bool nesterov = false;
  float weight_decay = 0.0f;
};

// Throws ValueError for a momentum outside [0, 1), Nesterov without momentum, a negative decay.
void check_sgd(const SgdOptions& options);

namespace cpu {

struct SgdKernels {
  // Updates `count` parameters (a multiple of 16). The gradient is the sum, in order, of `partials`
  // arrays that lie `partial_stride` floats apart. `velocity` may be null when momentum is 0.
  void (*update)(const SgdOptions& options, float learning_rate, const float* gradients,
                 int partials, std::int64_t partial_stride, std::int64_t count, float* parameters,
                 float* velocity);
};

}  // namespace cpu
}  // namespace pycnn
