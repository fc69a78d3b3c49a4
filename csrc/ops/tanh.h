#pragma once
// Tanh: y = tanh(x); dy/dx = 1 - y^2.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct TanhKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void tanh_forward(ConstView x, View y, Stream stream);
void tanh_backward(ConstView dy, ConstView y, View dx, Stream stream);

}  // namespace pycnn::cuda
