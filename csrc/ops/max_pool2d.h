#pragma once
// Max pooling: y = the largest value in the window; padding never wins. Ties go to the first
// maximum in row-major order, and the gradient goes to that one alone.

#include <string>

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"
#include "ops/padding.h"

namespace pycnn {

struct MaxPool2dOptions {
  Size2 pool_size;
  Size2 strides;
  Padding padding;
};

// Checks everything; throws ValueError.
WindowGeometry max_pool2d_geometry(const Shape& input, const MaxPool2dOptions& options,
                                   const std::string& who);
Shape max_pool2d_output_shape(const Shape& input, const WindowGeometry& g);

namespace cpu {

struct MaxPool2dKernels {
  void (*forward)(const WindowGeometry& g, ConstView x, View y);
  // x and y of forward tell which element was the maximum.
  void (*backward)(const WindowGeometry& g, ConstView dy, ConstView x, ConstView y, View dx);
};

}  // namespace cpu

namespace cuda {

void max_pool2d_forward(const WindowGeometry& g, ConstView x, View y, Stream stream);
void max_pool2d_backward(const WindowGeometry& g, ConstView dy, ConstView x, ConstView y, View dx,
                         Stream stream);

}  // namespace cuda
}  // namespace pycnn
