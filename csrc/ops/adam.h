#pragma once
// Adam (Kingma and Ba, 2015, with the corrections moved into the rate as at the end of their
// section 2) and AdamW (Loshchilov and Hutter, 2019), as Keras has them. Step t = 1, 2, ..., rate
// r, decay d:
//   w -= r d w
//   m += (1 - beta_1) (g - m);   v += (1 - beta_2) (g^2 - v)
//   w -= r sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)
// and with amsgrad (Reddi et al., 2018) the largest v so far in place of v. State: m, v, largest v.

#include "ops/gradient.h"

namespace pycnn {

struct AdamOptions {
  // Doubles: 1 - beta would lose half its digits in float.
  double beta_1 = 0.9, beta_2 = 0.999;
  float epsilon = 1e-7f;
  bool amsgrad = false;
  float weight_decay = 0.0f;
};

// Throws ValueError for a beta outside [0, 1), an epsilon that is not positive, a negative decay.
void check_adam(const AdamOptions& options);

// r sqrt(1 - beta_2^t) / (1 - beta_1^t)
float adam_rate(const AdamOptions& options, float learning_rate, std::int64_t step);

inline int state_arrays(const AdamOptions& options) { return options.amsgrad ? 3 : 2; }

namespace cpu {

struct AdamKernels {
  // `rate` is adam_rate(options, learning_rate, step).
  void (*update)(const AdamOptions& options, float learning_rate, float rate, const Stretch& s);
};

}  // namespace cpu

namespace cuda {

void adam_update(const AdamOptions& options, const Update& update, Stream stream);

}  // namespace cuda
}  // namespace pycnn
