#pragma once
// What changes from step to step lies in device memory, so that a captured step can be replayed
// without the host: kernels read it here.

#include <cstdint>

#include "core/dtype.h"
#include "ops/cuda/view.h"

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

// What came of the images of a step, and where it is summed up over the steps of a run.
struct Results {
  int count;    // images
  int outputs;  // with a loss; losses and ranks are [outputs][count]
  const float* losses;
  const std::int32_t* ranks;
  const double* penalties;  // of the weights, by piece
  int pieces;
  const int* output_of_k;  // by entry of the lists of k, one output after another
  const int* k;
  int ks;
  double* loss_sums;   // by output
  std::int64_t* hits;  // by entry of the lists
  double* penalty_sum;
};

// Ends a step: unless it has failed, adds its results and goes on to the next.
void finish_step(const Results& results, Step* step, Stream stream);

// to = from, unless the step has failed.
void keep_if_finite(const Step* step, std::int64_t size, const float* from, float* to,
                    Stream stream);

}  // namespace pycnn::cuda
