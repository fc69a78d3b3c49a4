#pragma once
// Network: a graph with weights, optimizer and plans. What the C++ API and the Python layers above
// train, evaluate and ask for predictions.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/lease.h"
#include "graph/graph.h"
#include "ops/sgd.h"
#include "runtime/batch.h"
#include "runtime/executor_cpu.h"
#include "runtime/parameter_store.h"

namespace pycnn {

// Keras's names of the losses.
struct CompileOptions {
  std::string loss;          // "sparse_categorical_crossentropy", "categorical_crossentropy" or
                             // "mean_squared_error"
  bool from_logits = false;  // cross-entropy on logits; else on probabilities
  SgdOptions optimizer;
  std::vector<int> top_k;  // count hits among the top k, for each k; {1} is accuracy
};

class Network {
 public:
  // Initial weights come from `seed`.
  Network(Graph graph, ValueId output, std::uint64_t seed);

  const Graph& graph() const { return *graph_; }
  std::uint64_t seed() const { return seed_; }
  const Shape& output_shape() const { return graph_->shape(output_); }

  // A copy of a parameter; ValueError for an unknown one.
  Tensor get_parameter(ParameterId id) const;
  // ValueError when the shape differs, TypeError when it is not float32.
  void set_parameter(ParameterId id, const Tensor& value);

  // Chooses loss, optimizer and counts; the optimizer starts afresh. ValueError for what does not
  // fit the network.
  void compile(const CompileOptions& options);

  // All of these check their data first and throw ValueError, TypeError, BusyError (the network is
  // at work in another thread) or FloatingPointError (a loss that is not finite), the weights then
  // being as they were before the step.

  // One step on all of x and y as one batch.
  Totals train_step(const Tensor& x, const Tensor& y, float learning_rate);
  // The network to oneself while the result lives; BusyError when another thread has it.
  Lease exclusive() const { return Lease(busy_, "model"); }
  // One step on a choice of images of data that check_data has seen, both under one exclusive().
  Totals train_step(const Batch& batch, float learning_rate);
  Totals evaluate(const Tensor& x, const Tensor& y, std::int64_t batch_size);
  Tensor predict(const Tensor& x, std::int64_t batch_size);

  struct Gradients {
    Tensor input;
    std::vector<Tensor> parameters;
  };
  // Gradients of sum(output * dy) by the input and every parameter.
  Gradients backward(const Tensor& x, const Tensor& dy);

  // Throws unless x and y are data for training and evaluation of this compiled network. The caller
  // has exclusive().
  void check_data(const Tensor& x, const Tensor& y) const;

  // The plan of a training step (of prediction before compile).
  std::string plan_report();

  // Every epoch shuffles in an order of its own: the number of epochs begun so far, counted here.
  std::uint64_t next_epoch() { return epochs_++; }

 private:
  void require_compiled() const;
  void check_input(const Tensor& x) const;
  void check_labels(const Tensor& y) const;
  CpuExecutor& executor(PlanKind kind);
  Totals totals(const CpuExecutor& executor, std::int64_t images) const;
  // Runs fn(batch) on consecutive batches of x.
  template <typename F>
  void for_each_batch(const Tensor& x, std::int64_t batch_size, bool whole, F fn);

  std::shared_ptr<const Graph> graph_;
  ValueId output_;
  std::uint64_t seed_;
  std::uint64_t epochs_ = 0;
  ParameterStore parameters_;
  std::optional<LossSpec> loss_;
  SgdOptions optimizer_;
  std::vector<int> top_k_;
  Arena velocity_;
  std::unique_ptr<CpuExecutor> executors_[4];  // by PlanKind
  mutable std::atomic<bool> busy_{false};
};

}  // namespace pycnn
