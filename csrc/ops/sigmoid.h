#pragma once
// Sigmoid: y = 1 / (1 + exp(-x)); dy/dx = y (1 - y).

#include "ops/cpu/block.h"

namespace pycnn::cpu {

struct SigmoidKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu
