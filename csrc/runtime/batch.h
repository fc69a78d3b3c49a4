#pragma once
// What a step works on and what comes out of it.

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace pycnn {

// A choice of images of a data set: `indices[0..count)`, or first, first + 1, ... without indices.
// One tensor for each input or output of the network; the tensors must outlive the step, and lists
// that the plan has no use for may be empty.
struct Batch {
  std::vector<const Tensor*> inputs;   // float32 or uint8
  std::vector<const Tensor*> targets;  // int64 labels or float32 rows
  std::vector<const Tensor*> output_gradients;
  std::vector<Tensor*> outputs;
  std::vector<Tensor*> input_gradients;
  const std::int64_t* indices = nullptr;
  std::int64_t first = 0, count = 0;
  // What is random in a step comes from these two; the network fills them in.
  std::uint64_t seed = 0, step = 0;

  std::int64_t row(std::int64_t i) const { return indices != nullptr ? indices[i] : first + i; }
};

// Sums over images, for means in the end.
struct Totals {
  std::int64_t images = 0;
  double loss_sum = 0;                // of all outputs, weighted, with the weights' penalties
  double penalty_sum = 0;             // of the weights, once for each image
  std::vector<double> output_losses;  // sums per output
  std::vector<std::int64_t> hits;     // per output and k of its top-k list, one after another

  double loss() const { return images > 0 ? loss_sum / static_cast<double>(images) : 0.0; }
  void add(const Totals& part);
};

// Integer labels as a copy on the host, so that nobody can change them between their check and
// their use; other targets as they are.
Tensor own_labels(const Tensor& targets);

}  // namespace pycnn
