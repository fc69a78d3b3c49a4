#pragma once
// Local response normalization across channels (Krizhevsky, Sutskever and Hinton 2012, 3.3):
//   y_i = x_i / s_i^beta,  s_i = k + alpha * sum of x_j^2 over the n channels around i
// at each place of the image: j from i - n/2 to i + (n-1)/2 (both rounded down), as far as there
// are such channels. As in the paper alpha multiplies the sum; PyTorch takes alpha / n.
//   dx_i = dy_i / s_i^beta - 2 alpha beta x_i * sum of dy_j x_j / s_j^(beta+1)
// over the channels j whose sums x_i is in.

#include <string>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct LocalResponseNormOptions {
  std::int64_t n = 5;
  float k = 2.0f;
  float alpha = 1e-4f;
  float beta = 0.75f;
};

// Throws ValueError unless n >= 1, k > 0, alpha >= 0 and all are finite.
void check_local_response_norm(const LocalResponseNormOptions& options, const std::string& who);

namespace cpu {

struct LocalResponseNormGeometry {
  int before, after;  // channels of the window on either side of its own
  float k, alpha, beta;
};

struct LocalResponseNormKernels {
  void (*forward)(const LocalResponseNormGeometry& g, ConstView x, View y);
  // scratch: 16 floats per channel.
  void (*backward)(const LocalResponseNormGeometry& g, ConstView dy, ConstView x, float* scratch,
                   View dx);
};

}  // namespace cpu

namespace cuda {

void local_response_norm_forward(const cpu::LocalResponseNormGeometry& g, ConstView x, View y,
                                 Stream stream);
void local_response_norm_backward(const cpu::LocalResponseNormGeometry& g, ConstView dy,
                                  ConstView x, View dx, Stream stream);

}  // namespace cuda

cpu::LocalResponseNormGeometry local_response_norm_geometry(
    const Shape& input, const LocalResponseNormOptions& options);

}  // namespace pycnn
