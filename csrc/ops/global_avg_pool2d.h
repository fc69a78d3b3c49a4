#pragma once
// Global average pooling: y[c] = the mean of channel c over all of height and width.

#include <string>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct GlobalAvgPool2dOptions {
  bool keepdims = false;  // output (1, 1, channels) in place of (channels)
};

// `input` is (height, width, channels); throws ValueError for another rank.
Shape global_avg_pool2d_output_shape(const Shape& input, const GlobalAvgPool2dOptions& options,
                                     const std::string& who);

namespace cpu {

struct GlobalAvgPool2dKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, View dx);
};

}  // namespace cpu

namespace cuda {

void global_avg_pool2d_forward(ConstView x, View y, Stream stream);
void global_avg_pool2d_backward(ConstView dy, View dx, Stream stream);

}  // namespace cuda
}  // namespace pycnn
