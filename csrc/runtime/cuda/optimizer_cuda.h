#pragma once
// The optimizer of a network on the GPU: as runtime/optimizer.h, the whole step on one stream.

#include <cstdint>
#include <vector>

#include "cuda/memory.h"
#include "cuda/stream.h"
#include "ops/gradient.h"
#include "runtime/cuda/weights.h"
#include "runtime/optimizer_options.h"

namespace pycnn::cuda {

class CudaOptimizer {
 public:
  // Throws like check_optimizer. The weights must outlive the optimizer.
  CudaOptimizer(const OptimizerOptions& options, const Graph& graph, const DeviceWeights& weights);

  // By piece the penalties of the weights as they are; none when no weight has one.
  void enqueue_penalties(Step* step, const WorkStream& stream) const;
  int penalty_count() const { return penalized_ ? piece_count() : 0; }
  const double* penalties() const { return penalties_.as<double>(); }

  // From the gradient to new weights, unless the step has failed or fails here.
  void enqueue(Step* step, const WorkStream& stream) const;
  // Whether that is the rule alone: no penalties, no clipping, nothing beside the weights moves.
  bool only_updates() const;
  // Then: the rule and the end of the step, in one kernel. The gradient is known to be finite, or
  // the step to have failed.
  void enqueue_last(const Results& results, Step* step, const WorkStream& stream) const;

  // The rule's own rates for the steps to come, null for those that have none.
  std::vector<float> corrected_rates(const float* rates, std::int64_t steps) const;
  void count_steps(std::int64_t steps) { steps_ += steps; }
  std::int64_t steps() const { return steps_; }
  std::vector<float> state() const;
  void restore(const std::vector<float>& state, std::int64_t steps);

 private:
  Update update(const Step* step) const;
  int piece_count() const { return static_cast<int>(piece_count_); }

  OptimizerOptions options_;
  const DeviceWeights& weights_;
  bool penalized_ = false;
  std::size_t piece_count_ = 0;
  std::int64_t steps_ = 0;
  DeviceMemory pieces_, groups_, penalties_, squares_, state_, ticket_;
};

}  // namespace pycnn::cuda
