#pragma once
// Rescaling: y = scale * x + offset; dx = scale * dy.

#include <string>

#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct RescaleOptions {
  float scale = 1.0f;
  float offset = 0.0f;
};

// Throws ValueError unless both numbers are finite.
void check_rescale(const RescaleOptions& options, const std::string& who);

namespace cpu {

struct RescaleKernels {
  // Also the plain copy between layouts (scale 1, offset 0).
  void (*forward)(float scale, float offset, ConstView x, View y);
  void (*backward)(float scale, ConstView dy, View dx);
};

}  // namespace cpu

namespace cuda {

void rescale_forward(float scale, float offset, ConstView x, View y, Stream stream);

}  // namespace cuda
}  // namespace pycnn
