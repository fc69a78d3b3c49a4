#pragma once
// Tanh: y = tanh(x); dy/dx = 1 - y^2.

#include "ops/cpu/block.h"

namespace pycnn::cpu {

struct TanhKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu
