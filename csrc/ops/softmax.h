#pragma once
// Softmax over the channels: y_j = exp(x_j - m) / sum_k exp(x_k - m) with m = max x;
// backward dx_j = y_j (dy_j - sum_k dy_k y_k).

#include "ops/cpu/block.h"

namespace pycnn::cpu {

struct SoftmaxKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

}  // namespace pycnn::cpu
