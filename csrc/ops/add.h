#pragma once
// Add: y = a + b, element by element. Also how the gradients of a value with several consumers
// come together.

#include "ops/cpu/block.h"

namespace pycnn::cpu {

struct AddKernels {
  void (*forward)(ConstView a, ConstView b, View y);
};

}  // namespace pycnn::cpu
