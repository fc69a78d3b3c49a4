#pragma once
// Leaky ReLU (Maas, Hannun and Ng 2013): y = x above 0, slope * x elsewhere, slope >= 0; the
// derivative at 0 is taken as the slope. NaN passes through.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct LeakyReluKernels {
  void (*forward)(float slope, ConstView x, View y);
  void (*backward)(float slope, ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void leaky_relu_forward(float slope, ConstView x, View y, Stream stream);
void leaky_relu_backward(float slope, ConstView dy, ConstView y, View dx, Stream stream);

}  // namespace pycnn::cuda
