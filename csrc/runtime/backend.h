#pragma once
// What a network needs of a device: the weights there, an optimizer, and the execution of its
// plans. The network has checked everything before it asks.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/device.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "runtime/batch.h"
#include "runtime/optimizer_options.h"

namespace pycnn {

// What compile chose.
struct Training {
  std::vector<LossSpec> losses;         // by output
  std::vector<std::vector<int>> top_k;  // by output
  OptimizerOptions optimizer;
};

// Weights and the optimizer's memory, to be carried from one device to another.
struct Weights {
  std::vector<float> flat;   // all parameters, as in ParameterLayout
  std::vector<float> state;  // of the optimizer: its arrays, one after another; empty before a step
  std::int64_t steps = 0;    // that the optimizer has done
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual Device device() const = 0;

  virtual void read_parameter(ParameterId id, float* values) const = 0;
  virtual void write_parameter(ParameterId id, const float* values) = 0;
  virtual Weights save() const = 0;
  // Weights of the same network, the optimizer being of the same kind. MemoryError changes nothing.
  virtual void load(const Weights& weights) = 0;

  // The optimizer starts afresh. Throws like check_optimizer.
  virtual void compile(const Training& training) = 0;

  // Steps on a run of images, `batch_size` (the last may be smaller) at each; one learning rate for
  // each. At least one and at most all are done, as is best for the device; returns how many. What
  // came of them is added to `totals` step by step: the sums do not depend on how many are done at
  // once. Throws FloatingPointError when the first is not finite, the weights being as before it.
  virtual std::int64_t train(const Batch& images, std::int64_t batch_size, const float* rates,
                             std::int64_t steps, Totals& totals) = 0;
  virtual Totals evaluate(const Batch& batch) = 0;
  virtual void predict(const Batch& batch, bool training) = 0;
  // As PlanKind::gradient; by parameter, where its gradient goes, or null.
  virtual void backward(const Batch& batch, bool training,
                        const std::vector<float*>& gradients) = 0;

  // How many images to work on in one go, when the caller asked for `batch_size` and may not
  // notice: where nothing depends on the batch, a device may take more.
  virtual std::int64_t images_in_one_go(PlanKind kind, std::int64_t batch_size) = 0;

  // For data that many steps will read: while the result lives, the device may use a copy that it
  // makes now.
  virtual std::shared_ptr<void> hold(const Tensor& data) = 0;

  virtual const Plan& plan(PlanKind kind) = 0;
  // The plan, and what the device makes of it.
  virtual std::string plan_report(PlanKind kind) { return plan(kind).report(); }
};

// Unless PYCNN_FUSE=0 is in the environment: whether plans fuse nodes. ValueError for another
// value.
bool fusion_wanted();

// The one place that chooses: a backend for the graph with initial weights from `seed`. The graph
// and outputs must outlive it. Throws DeviceError when the device is not to be had.
std::unique_ptr<Backend> make_backend(Device device, const Graph& graph,
                                      const std::vector<ValueId>& outputs, std::uint64_t seed);

}  // namespace pycnn
