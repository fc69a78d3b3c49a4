#pragma once
// Zero padding: rows and columns of zeros around the image; backward, dx is dy without them.

#include <string>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct ZeroPad2dOptions {
  int top = 1, bottom = 1, left = 1, right = 1;
};

// `input` is (height, width, channels). Throws ValueError for another rank or a negative side.
Shape zero_pad2d_output_shape(const Shape& input, const ZeroPad2dOptions& options,
                              const std::string& who);

namespace cpu {

struct ZeroPad2dKernels {
  void (*forward)(int top, int left, ConstView x, View y);
  void (*backward)(int top, int left, ConstView dy, View dx);
};

}  // namespace cpu

namespace cuda {

void zero_pad2d_forward(int top, int left, ConstView x, View y, Stream stream);
void zero_pad2d_backward(int top, int left, ConstView dy, View dx, Stream stream);

}  // namespace cuda
}  // namespace pycnn
