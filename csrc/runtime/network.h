#pragma once
// Network: a graph with weights, optimizer and plans. What the C++ API and the Python layers above
// train, evaluate and ask for predictions.

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/lease.h"
#include "graph/graph.h"
#include "runtime/backend.h"
#include "runtime/batch.h"

namespace pycnn {

// What one output of the network is trained for; Keras's names of the losses.
struct OutputOptions {
  std::string loss;             // "sparse_categorical_crossentropy", "categorical_crossentropy" or
                                // "mean_squared_error"
  bool from_logits = false;     // cross-entropy on logits; else on probabilities
  float weight = 1.0f;          // of this loss in the sum that is minimised
  std::vector<int> top_k = {};  // count hits among the top k, for each k; {1} is accuracy
};

struct CompileOptions {
  std::vector<OutputOptions> outputs;  // one for each output of the network
  OptimizerOptions optimizer = {};
};

using Tensors = std::vector<Tensor>;

struct InstructionTime {
  std::string layer, operation;
  double seconds;
};

class Network {
 public:
  // Initial weights come from `seed`. ValueError without outputs; DeviceError when the device is
  // not to be had.
  Network(Graph graph, std::vector<ValueId> outputs, std::uint64_t seed,
          Device device = Device::cpu);
  Network(Graph graph, ValueId output, std::uint64_t seed, Device device = Device::cpu)
      : Network(std::move(graph), std::vector<ValueId>{output}, seed, device) {}

  const Graph& graph() const { return *graph_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  std::uint64_t seed() const { return seed_; }
  Device device() const;
  // Moves the weights and the optimizer's memory. Throws like the constructor; then nothing has
  // changed.
  void set_device(Device device);

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

  // One tensor for each input (x) and output (y, dy) of the network, on the host or on the GPU. A
  // network on the GPU uses the GPU's in place; one on the CPU copies them, once a call. Labels are
  // checked on the host. Results are on the host.

  // One step on all of x and y as one batch.
  Totals train_step(const Tensors& x, const Tensors& y, float learning_rate);
  // The network to oneself while the result lives; BusyError when another thread has it.
  Lease exclusive() const { return Lease(busy_, "model"); }
  // Steps on images of data that check_data has seen, both under one exclusive(). Like
  // Backend::train.
  std::int64_t train_steps(Batch images, std::int64_t batch_size, const float* rates,
                           std::int64_t steps, Totals& totals);
  Totals evaluate(const Tensors& x, const Tensors& y, std::int64_t batch_size);
  // `training`: as a step sees the network (batch statistics, dropout), the first batch as the next
  // step would, the others as those after it; nothing is learned and no step counted.
  Tensors predict(const Tensors& x, std::int64_t batch_size, bool training = false);

  struct Gradients {
    Tensors inputs;
    Tensors parameters;
  };
  // Gradients of sum(output * dy) by the inputs and every parameter; `training` as the next step
  // sees the network (batch statistics, dropout), otherwise as prediction does.
  Gradients backward(const Tensors& x, const Tensors& dy, bool training = false);

  // The same for a network with one input and one output.
  Totals train_step(const Tensor& x, const Tensor& y, float learning_rate) {
    return train_step(Tensors{x}, Tensors{y}, learning_rate);
  }
  Totals evaluate(const Tensor& x, const Tensor& y, std::int64_t batch_size) {
    return evaluate(Tensors{x}, Tensors{y}, batch_size);
  }
  // ValueError when the network has several outputs.
  Tensor predict(const Tensor& x, std::int64_t batch_size, bool training = false);
  Gradients backward(const Tensor& x, const Tensor& dy, bool training = false) {
    return backward(Tensors{x}, Tensors{dy}, training);
  }

  // Throws unless x and y are data for training and evaluation of this compiled network. The caller
  // has exclusive().
  void check_data(const Tensors& x, const Tensors& y) const;

  // The tensors, those of the GPU copied when the network is on the CPU. The caller has
  // exclusive().
  Tensors readable(const Tensors& data) const;

  // The backend, for who has exclusive(): to hold data for many steps.
  Backend& backend() { return *backend_; }

  // How long each instruction of a plan takes on the CPU, for all of x as one batch on all threads:
  // the plan of a training step (without the update), or of backward. Medians of as many runs as
  // fit into about `seconds`, at least one. Each instruction is timed alone, from the first thread
  // that begins to the last that is done; weights are initial ones.
  std::vector<InstructionTime> profile_step(const Tensors& x, const Tensors& y, double seconds);
  std::vector<InstructionTime> profile_backward(const Tensors& x, const Tensors& dy,
                                                double seconds);

  // The plan of a training step (of prediction before compile).
  std::string plan_report();
  // The layout that a CPU step on so many images takes.
  Lanes cpu_lanes(std::int64_t images) const;

  // Every epoch shuffles in an order of its own: the number of epochs done so far.
  std::uint64_t epochs() const { return epochs_; }
  void count_epoch() { ++epochs_; }

 private:
  void require_compiled() const;
  void check_inputs(const Tensors& x) const;
  void check_output_gradients(const Tensors& dy, std::int64_t count) const;
  void check_target(std::size_t output, const Tensor& y, std::int64_t count) const;
  std::vector<InstructionTime> profile(const Batch& images, PlanKind kind, double seconds);
  Shape batch_shape(std::int64_t count, ValueId value) const;
  // Runs fn(batch) on consecutive batches of x.
  template <typename F>
  void for_each_batch(const Tensors& x, std::int64_t batch_size, PlanKind kind, F fn);

  std::shared_ptr<const Graph> graph_;
  std::vector<ValueId> outputs_;
  std::uint64_t seed_;
  std::uint64_t epochs_ = 0;
  std::uint64_t steps_ = 0;  // of training, since the network was made; only those that succeeded
  Training training_;        // no losses until compile
  std::unique_ptr<Backend> backend_;
  mutable std::atomic<bool> busy_{false};
};

}  // namespace pycnn
