#pragma once
// ReLU: y = max(0, x); the derivative at 0 is taken as 0. NaN passes through.

#include "ops/cpu/block.h"

namespace pycnn::cpu {

struct ReluKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu
