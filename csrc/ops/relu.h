#pragma once
// ReLU: y = max(0, x); the derivative at 0 is taken as 0. NaN passes through.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct ReluKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void relu_forward(ConstView x, View y, Stream stream);
void relu_backward(ConstView dy, ConstView y, View dx, Stream stream);

}  // namespace pycnn::cuda
