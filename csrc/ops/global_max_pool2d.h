#pragma once
// Global max pooling: y[c] = the largest value of channel c over all of height and width. Ties go
// to the first maximum in row-major order, and the gradient goes to that one alone.

#include <string>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct GlobalMaxPool2dOptions {
  bool keepdims = false;  // output (1, 1, channels) in place of (channels)
};

// `input` is (height, width, channels); throws ValueError for another rank.
Shape global_max_pool2d_output_shape(const Shape& input, const GlobalMaxPool2dOptions& options,
                                     const std::string& who);

namespace cpu {

struct GlobalMaxPool2dKernels {
  void (*forward)(ConstView x, View y);
  // x and y of forward tell which element was the maximum.
  void (*backward)(ConstView dy, ConstView x, ConstView y, View dx);
};

}  // namespace cpu

namespace cuda {

void global_max_pool2d_forward(ConstView x, View y, Stream stream);
void global_max_pool2d_backward(ConstView dy, ConstView x, ConstView y, View dx, Stream stream);

}  // namespace cuda
}  // namespace pycnn
