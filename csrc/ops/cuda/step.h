#pragma once
// What changes from step to step lies in device memory, so that a captured step can be replayed
// without the host: kernels read it here.

#include <cstdint>

#include "core/dtype.h"

namespace pycnn::cuda {

struct Step {
  std::uint64_t seed;            // of the network
  std::uint64_t number;          // of the step since the network was made
  std::int64_t first;            // position of the batch's first image in the order
  const std::int64_t* order;     // by position the row of the data; null: the position itself
  const float* learning_rates;   // of the steps of this run
  const float* corrected_rates;  // adam_rate of each; null without Adam
  std::int64_t done;             // steps of this run
  std::int32_t failed;           // 1: a number was not finite; nothing is updated any more
};

// Rows of an array outside the plan, NHWC or labels. The pointer to them is read on the device.
struct Rows {
  const Step* step;
  const void* const* data;
  DType dtype;
};

}  // namespace pycnn::cuda
