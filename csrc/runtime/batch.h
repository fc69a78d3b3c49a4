#pragma once
// What a step works on and what comes out of it.

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace pycnn {

// A choice of images of a data set: `indices[0..count)`, or first, first + 1, ... without indices.
// The tensors must outlive the step; those that the plan has no use for may be null.
struct Batch {
  const Tensor* input = nullptr;   // float32 or uint8
  const Tensor* target = nullptr;  // int64 labels or float32 rows
  const Tensor* output_gradient = nullptr;
  Tensor* output = nullptr;
  Tensor* input_gradient = nullptr;
  const std::int64_t* indices = nullptr;
  std::int64_t first = 0, count = 0;

  std::int64_t row(std::int64_t i) const { return indices != nullptr ? indices[i] : first + i; }
};

// Sums over images, for a mean in the end.
struct Totals {
  std::int64_t images = 0;
  double loss_sum = 0;
  std::vector<std::int64_t> hits;  // per k of the top-k list

  double loss() const { return images > 0 ? loss_sum / static_cast<double>(images) : 0.0; }
};

}  // namespace pycnn
