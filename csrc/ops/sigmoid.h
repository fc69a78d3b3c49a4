#pragma once
// Sigmoid: y = 1 / (1 + exp(-x)); dy/dx = y (1 - y).

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct SigmoidKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void sigmoid_forward(ConstView x, View y, Stream stream);
void sigmoid_backward(ConstView dy, ConstView y, View dx, Stream stream);

}  // namespace pycnn::cuda
