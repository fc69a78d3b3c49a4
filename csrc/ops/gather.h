#pragma once
// Gather and scatter between NHWC arrays and the block layout: where a batch is picked from the
// data set (by a permutation, pixels converted and scaled on the way) and where results go back.

#include <cstdint>

#include "ops/cpu/block.h"
#include "ops/cpu/channels.h"
#include "ops/cuda/step.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct GatherKernels {
  // y[.., l] = scale * images[l][..] + offset for l < count, 0 for the other lanes.
  // images[l] points at the first of height * width * channels elements.
  void (*from_float)(const float* const* images, int count, float scale, float offset, View y);
  void (*from_uint8)(const std::uint8_t* const* images, int count, float scale, float offset,
                     View y);
  // images[l][..] = x[.., l] for l < count.
  void (*to_float)(ConstView x, int count, float* const* images);
};

// The same for image n of a batch with the channels in the lanes.
struct GatherChannelKernels {
  void (*from_float)(const float* image, float scale, float offset, ChannelView y, int n);
  void (*from_uint8)(const std::uint8_t* image, float scale, float offset, ChannelView y, int n);
  void (*to_float)(ConstChannelView x, int n, float* image);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

// y = scale * x + offset, from the rows of float32 or uint8 that the step's batch picks.
void gather(const Rows& x, float scale, float offset, View y, Stream stream);

}  // namespace pycnn::cuda
