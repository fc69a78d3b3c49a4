#pragma once
// ELU (Clevert, Unterthiner and Hochreiter 2016): y = x above 0, alpha (e^x - 1) elsewhere,
// alpha >= 0; dy/dx = 1 above 0, alpha e^x = y + alpha elsewhere. NaN passes through.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct EluKernels {
  void (*forward)(float alpha, ConstView x, View y);
  void (*backward)(float alpha, ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void elu_forward(float alpha, ConstView x, View y, Stream stream);
void elu_backward(float alpha, ConstView dy, ConstView y, View dx, Stream stream);

}  // namespace pycnn::cuda
