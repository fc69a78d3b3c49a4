#pragma once
// What the passes of conv2d and depthwise_conv2d know of the geometry.

#include "ops/conv2d.h"
#include "ops/cuda/gemm_plan.cuh"

namespace pycnn::cuda {

// The geometry in the kernels' numbers, and the sizes of the three passes as products. Positions in
// an image are unsigned and wrap, so that those in front of it are beyond its end as well.
struct Conv2dSizes {
  unsigned batch, in_height, in_width, out_height, out_width, kernel_height, kernel_width;
  unsigned stride_height, stride_width, pad_top, pad_left, dilation_height, dilation_width;
  unsigned groups, inputs, outputs;      // channels of all groups
  unsigned group_inputs, group_outputs;  // of one

  Conv2dSizes(const Conv2dGeometry& g, int images);

  unsigned places() const { return batch * out_height * out_width; }
  unsigned taps() const { return kernel_height * kernel_width; }
  unsigned terms() const { return taps() * group_inputs; }
  // Of backward_input, see there: how many phases, and the most places and terms of one.
  unsigned phases() const;
  unsigned phase_places() const;
  unsigned phase_terms() const;

  ProductSize forward() const { return {places(), group_outputs, terms(), groups, false}; }
  ProductSize backward_params() const { return {terms(), group_outputs, places(), groups, true}; }
  ProductSize backward_input() const {
    return {phase_places(), group_inputs, phase_terms(), groups * phases(), false};
  }
};

}  // namespace pycnn::cuda
