#pragma once
// Average pooling: y = the mean of the window's values; padding is not counted (as in Keras), so
// windows at the border divide by fewer.

#include <string>

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"
#include "ops/padding.h"

namespace pycnn {

struct AvgPool2dOptions {
  Size2 pool_size;
  Size2 strides;
  Padding padding;
};

// Checks everything; throws ValueError.
WindowGeometry avg_pool2d_geometry(const Shape& input, const AvgPool2dOptions& options,
                                   const std::string& who);
Shape avg_pool2d_output_shape(const Shape& input, const WindowGeometry& g);

namespace cpu {

struct AvgPool2dKernels {
  void (*forward)(const WindowGeometry& g, ConstView x, View y);
  void (*backward)(const WindowGeometry& g, ConstView dy, View dx);
};

}  // namespace cpu

namespace cuda {

void avg_pool2d_forward(const WindowGeometry& g, ConstView x, View y, Stream stream);
void avg_pool2d_backward(const WindowGeometry& g, ConstView dy, View dx, Stream stream);

}  // namespace cuda
}  // namespace pycnn
