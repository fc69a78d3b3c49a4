#pragma once
// Stochastic gradient descent as Keras has it, for learning rate r, momentum m, decay d:
//   w -= r d w;  v = m v - r g;  w += v   (Nesterov: w += m v - r g)
// State: v if m > 0.

#include "ops/gradient.h"

namespace pycnn {

struct SgdOptions {
  float momentum = 0.0f;
  bool nesterov = false;
  float weight_decay = 0.0f;
};

// Throws ValueError for a momentum outside [0, 1), Nesterov without momentum, a negative decay.
void check_sgd(const SgdOptions& options);

inline int state_arrays(const SgdOptions& options) { return options.momentum != 0.0f ? 1 : 0; }

namespace cpu {

struct SgdKernels {
  void (*update)(const SgdOptions& options, float learning_rate, const Stretch& s);
};

}  // namespace cpu

namespace cuda {

void sgd_update(const SgdOptions& options, const Update& update, Stream stream);

}  // namespace cuda
}  // namespace pycnn
