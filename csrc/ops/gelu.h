#pragma once
// GELU (Hendrycks and Gimpel 2016): y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2 the normal
// distribution; dy/dx = P(x) + x p(x), p(x) = exp(-x^2 / 2) / sqrt(2 pi) its density. Its tanh
// approximation: P(x) = (1 + tanh u) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3).
//
// Backward reads x: y falls and rises again below 0, so it does not tell its x.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct GeluKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView x, View dx);
  void (*forward_tanh)(ConstView x, View y);
  void (*backward_tanh)(ConstView dy, ConstView x, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void gelu_forward(ConstView x, View y, Stream stream);
void gelu_backward(ConstView dy, ConstView x, View dx, Stream stream);
void gelu_forward_tanh(ConstView x, View y, Stream stream);
void gelu_backward_tanh(ConstView dy, ConstView x, View dx, Stream stream);

}  // namespace pycnn::cuda
