#pragma once
// Add: y = a + b, element by element, and its fusion with ReLU. Also how the gradients of a value
// with several consumers come together.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct AddKernels {
  void (*forward)(ConstView a, ConstView b, bool relu, View y);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void add_forward(ConstView a, ConstView b, View y, Stream stream);

}  // namespace pycnn::cuda
