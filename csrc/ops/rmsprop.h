#pragma once
// RMSprop (Tieleman and Hinton, 2012; centered: Graves, 2013) as Keras has it, rate r, decay d:
//   w -= r d w
//   v = rho v + (1 - rho) g^2;   a = rho a + (1 - rho) g
//   s = r g / sqrt(v + epsilon), centered r g / sqrt(max(v - a^2, 0) + epsilon)
//   w -= s, and with momentum m:  b = m b + s;  w -= b
// Keras leaves out the max; rounding can make v - a^2 negative. State: v, a if centered, b if m >
// 0.

#include "ops/gradient.h"

namespace pycnn {

struct RmspropOptions {
  double rho = 0.9;  // a double: 1 - rho would lose digits in float
  float momentum = 0.0f;
  float epsilon = 1e-7f;
  bool centered = false;
  float weight_decay = 0.0f;
};

// Throws ValueError for rho or momentum outside [0, 1), an epsilon that is not positive, a negative
// decay.
void check_rmsprop(const RmspropOptions& options);

inline int state_arrays(const RmspropOptions& options) {
  return 1 + (options.centered ? 1 : 0) + (options.momentum != 0.0f ? 1 : 0);
}

namespace cpu {

struct RmspropKernels {
  void (*update)(const RmspropOptions& options, float learning_rate, const Stretch& s);
};

}  // namespace cpu

namespace cuda {

void rmsprop_update(const RmspropOptions& options, const Update& update, Stream stream);

}  // namespace cuda
}  // namespace pycnn
