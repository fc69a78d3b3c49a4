#pragma once
// Concatenation along height, width or channels: a part of y is x; backward, dx is that part of dy.

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

// Where the part lies in the whole.
struct ConcatOffset {
  int height = 0, width = 0, channels = 0;
};

struct ConcatKernels {
  void (*forward)(ConstView x, ConcatOffset at, View y);
  void (*backward)(ConstView dy, ConcatOffset at, View dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void concat_forward(ConstView x, cpu::ConcatOffset at, View y, Stream stream);
void concat_backward(ConstView dy, cpu::ConcatOffset at, View dx, Stream stream);

}  // namespace pycnn::cuda
