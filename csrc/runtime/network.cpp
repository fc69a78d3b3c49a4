#include "runtime/network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "graph/lanes.h"

namespace pycnn {

void Totals::add(const Totals& part) {
  images += part.images;
  loss_sum += part.loss_sum;
  penalty_sum += part.penalty_sum;
  output_losses.resize(part.output_losses.size());
  hits.resize(part.hits.size());
  for (std::size_t i = 0; i < output_losses.size(); ++i) output_losses[i] += part.output_losses[i];
  for (std::size_t i = 0; i < hits.size(); ++i) hits[i] += part.hits[i];
}

Tensor own_labels(const Tensor& targets) {
  if (targets.dtype() != DType::int64) return targets;
  return targets.device() == Device::cpu ? targets.clone() : targets.to(Device::cpu);
}

Network::Network(Graph graph, std::vector<ValueId> outputs, std::uint64_t seed, Device device)
    : graph_(std::make_shared<const Graph>(std::move(graph))),
      outputs_(std::move(outputs)),
      seed_(seed) {
  if (outputs_.empty()) throw ValueError("a network needs at least one output");
  for (ValueId v : outputs_) graph_->shape(v);  // there is such a value
  backend_ = make_backend(device, *graph_, outputs_, seed_);
}

// ---- device

Device Network::device() const {
  const Lease lease = exclusive();
  return backend_->device();
}

void Network::set_device(Device device) {
  const Lease lease = exclusive();
  if (device == backend_->device()) return;
  std::unique_ptr<Backend> moved = make_backend(device, *graph_, outputs_, seed_);
  if (!training_.losses.empty()) moved->compile(training_);
  moved->load(backend_->save());
  backend_ = std::move(moved);
}

// ---- weights

Tensor Network::get_parameter(ParameterId id) const {
  const Lease lease = exclusive();
  if (id < 0 || static_cast<std::size_t>(id) >= graph_->parameters().size()) {
    throw ValueError("there is no parameter " + std::to_string(id));
  }
  Tensor value(graph_->parameters()[static_cast<std::size_t>(id)].shape);
  backend_->read_parameter(id, value.data<float>());
  return value;
}

void Network::set_parameter(ParameterId id, const Tensor& value) {
  const Lease lease = exclusive();
  if (id < 0 || static_cast<std::size_t>(id) >= graph_->parameters().size()) {
    throw ValueError("there is no parameter " + std::to_string(id));
  }
  const Parameter& p = graph_->parameters()[static_cast<std::size_t>(id)];
  if (value.shape() != p.shape) {
    throw ValueError("weight '" + p.name + "' of layer '" + p.layer + "' has shape " +
                     to_string(p.shape) + "; got " + to_string(value.shape()));
  }
  const Tensor on_host = value.to(Device::cpu);
  backend_->write_parameter(id, on_host.data<float>());
}

// ---- compile

namespace {

// The loss for Keras's name. A softmax in front of a cross-entropy is computed together with it.
LossSpec resolve_loss(const Graph& graph, ValueId output, const OutputOptions& options, bool fuse) {
  if (options.loss == "mean_squared_error") {
    return {LossKind::mean_squared_error, false, output, options.weight};
  }
  const bool sparse = options.loss == "sparse_categorical_crossentropy";
  if (!sparse && options.loss != "categorical_crossentropy") {
    throw ValueError("[compile] unknown loss '" + options.loss +
                     "'; known: sparse_categorical_crossentropy, categorical_crossentropy, "
                     "mean_squared_error");
  }
  if (graph.shape(output).size() != 1) {
    throw ValueError("[compile] loss '" + options.loss +
                     "' expected an output of shape (None, classes); the network's is " +
                     to_string_batched(graph.shape(output)));
  }
  if (options.from_logits) return {LossKind::softmax_cross_entropy, sparse, output, options.weight};
  const int producer = graph.producer(output);
  if (producer >= 0 && fuse) {
    const Node& last = graph.nodes()[static_cast<std::size_t>(producer)];
    const auto* activation = std::get_if<ActivationOptions>(&last.options);
    if (activation != nullptr && activation->kind == Activation::softmax) {
      return {LossKind::softmax_cross_entropy, sparse, last.input(), options.weight};
    }
  }
  return {LossKind::cross_entropy, sparse, output, options.weight};
}

void check_top_k(const std::vector<int>& top_k, const Graph& graph, ValueId value) {
  if (top_k.empty()) return;
  const Shape& output = graph.shape(value);
  const int maker = graph.producer(value);
  const std::string of =
      "the output of " +
      (maker < 0 ? "an input" : graph.nodes()[static_cast<std::size_t>(maker)].who());
  if (output.size() != 1 || output[0] < 2) {
    throw ValueError(
        "[compile] accuracy expected an output of shape (None, classes) with at least 2 classes; " +
        of + " is " + to_string_batched(output));
  }
  const std::int64_t classes = output[0];
  for (int k : top_k) {
    if (k < 1 || k > classes) {
      throw ValueError("[compile] top-k accuracy with k = " + std::to_string(k) +
                       " needs 1 <= k <= " + std::to_string(classes) + ", the classes of " + of);
    }
  }
}

}  // namespace

void Network::compile(const CompileOptions& options) {
  const Lease lease = exclusive();
  if (options.outputs.size() != outputs_.size()) {
    throw ValueError("[compile] the network has " + std::to_string(outputs_.size()) +
                     " outputs; got losses for " + std::to_string(options.outputs.size()));
  }
  Training training{{}, {}, options.optimizer};
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const OutputOptions& o = options.outputs[i];
    if (!std::isfinite(o.weight)) throw ValueError("[compile] a loss weight must be finite");
    check_top_k(o.top_k, *graph_, outputs_[i]);
    training.losses.push_back(resolve_loss(*graph_, outputs_[i], o, fusion_wanted()));
    training.top_k.push_back(o.top_k);
  }
  backend_->compile(training);
  training_ = std::move(training);
}

void Network::require_compiled() const {
  if (training_.losses.empty()) throw ValueError("the network has no loss yet: call compile first");
}

// ---- checks of data

Shape Network::batch_shape(std::int64_t count, ValueId value) const {
  Shape shape = graph_->shape(value);
  shape.insert(shape.begin(), count);
  return shape;
}

void Network::check_inputs(const Tensors& x) const {
  const std::vector<ValueId>& inputs = graph_->inputs();
  if (x.size() != inputs.size()) {
    throw ValueError("expected " + std::to_string(inputs.size()) + " inputs; got " +
                     std::to_string(x.size()));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Shape& got = x[i].shape();
    if (got.empty() || got != batch_shape(got[0], inputs[i])) {
      throw ValueError("expected input of shape " + to_string_batched(graph_->shape(inputs[i])) +
                       "; got " + to_string(got));
    }
    if (x[i].dtype() == DType::int64) {
      throw TypeError("expected input of float32 or uint8; got int64");
    }
    if (got[0] < 1) throw ValueError("the input data are empty: shape " + to_string(got));
    if (got[0] != x[0].shape()[0]) {
      throw ValueError("the inputs differ in length: " + to_string(x[0].shape()) + " and " +
                       to_string(got));
    }
  }
}

namespace {

void check_labels(const Tensor& y, std::int64_t classes) {
  const auto* labels = y.data<std::int64_t>();
  for (std::int64_t i = 0; i < y.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ValueError("label " + std::to_string(labels[i]) + " at index " + std::to_string(i) +
                       " is outside 0.." + std::to_string(classes - 1) + ", the network's " +
                       std::to_string(classes) + " classes");
    }
  }
}

Tensors own_labels(const Tensors& targets) {
  Tensors own;
  for (const Tensor& t : targets) own.push_back(pycnn::own_labels(t));
  return own;
}

std::vector<const Tensor*> pointers(const Tensors& tensors) {
  std::vector<const Tensor*> list;
  for (const Tensor& t : tensors) list.push_back(&t);
  return list;
}

}  // namespace

void Network::check_target(std::size_t output, const Tensor& y, std::int64_t count) const {
  if (y.rank() < 1 || y.shape()[0] != count) {
    throw ValueError("x and y differ in length: x has " + std::to_string(count) +
                     " images, y has shape " + to_string(y.shape()));
  }
  const std::string got = std::string(dtype_name(y.dtype())) + " of shape " + to_string(y.shape());
  if (training_.losses[output].integer_labels) {
    if (y.dtype() != DType::int64 || y.rank() != 1) {
      throw ValueError("expected integer labels (int64) of shape (" + std::to_string(count) +
                       ",); got " + got);
    }
    check_labels(y, graph_->shape(outputs_[output])[0]);
    return;
  }
  const Shape expected = batch_shape(count, outputs_[output]);
  if (y.shape() != expected || y.dtype() != DType::float32) {
    throw ValueError("expected targets (float32) of shape " + to_string(expected) + "; got " + got);
  }
}

void Network::check_data(const Tensors& x, const Tensors& y) const {
  require_compiled();
  check_inputs(x);
  if (y.size() != outputs_.size()) {
    throw ValueError("expected targets for " + std::to_string(outputs_.size()) + " outputs; got " +
                     std::to_string(y.size()));
  }
  for (std::size_t i = 0; i < y.size(); ++i) check_target(i, y[i], x[0].shape()[0]);
}

Tensors Network::readable(const Tensors& data) const {
  if (backend_->device() == Device::cuda) return data;
  Tensors on_host;
  for (const Tensor& t : data) on_host.push_back(t.to(Device::cpu));
  return on_host;
}

void Network::check_output_gradients(const Tensors& dy, std::int64_t count) const {
  if (dy.size() != outputs_.size()) {
    throw ValueError("expected dy for " + std::to_string(outputs_.size()) + " outputs; got " +
                     std::to_string(dy.size()));
  }
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const Shape expected = batch_shape(count, outputs_[i]);
    if (dy[i].shape() != expected || dy[i].dtype() != DType::float32) {
      throw ValueError("expected dy (float32) of shape " + to_string(expected) + "; got " +
                       std::string(dtype_name(dy[i].dtype())) + " of shape " +
                       to_string(dy[i].shape()));
    }
  }
}

// ---- running

Totals Network::train_step(const Tensors& given_x, const Tensors& given_y, float learning_rate) {
  const Lease lease = exclusive();
  const Tensors x = readable(given_x), targets = readable(own_labels(given_y));
  check_data(x, targets);
  Batch batch;
  batch.inputs = pointers(x);
  batch.targets = pointers(targets);
  batch.count = x[0].shape()[0];
  check_learning_rate(learning_rate);
  Totals totals;
  const std::int64_t count = batch.count;
  train_steps(std::move(batch), count, &learning_rate, 1, totals);
  return totals;
}

std::int64_t Network::train_steps(Batch images, std::int64_t batch_size, const float* rates,
                                  std::int64_t steps, Totals& totals) {
  require_compiled();
  images.seed = seed_;
  images.step = steps_;
  const std::int64_t done = backend_->train(images, batch_size, rates, steps, totals);
  steps_ += static_cast<std::uint64_t>(done);
  return done;
}

template <typename F>
void Network::for_each_batch(const Tensors& x, std::int64_t batch_size, PlanKind kind, F fn) {
  if (batch_size < 1) {
    throw ValueError("batch_size must be at least 1; got " + std::to_string(batch_size));
  }
  const std::int64_t count = x[0].shape()[0];
  std::int64_t size = backend_->images_in_one_go(kind, batch_size);
  std::uint64_t step = steps_;
  for (std::int64_t first = 0; first < count;) {
    Batch batch;
    batch.inputs = pointers(x);
    batch.first = first;
    batch.count = std::min(size, count - first);
    batch.seed = seed_;
    batch.step = step++;
    try {
      fn(batch);
    } catch (const MemoryError&) {
      if (size <= batch_size) throw;
      size = batch_size;  // no more at once than was asked for
      continue;
    }
    first += batch.count;
  }
}

Totals Network::evaluate(const Tensors& given_x, const Tensors& given_y, std::int64_t batch_size) {
  const Lease lease = exclusive();
  const Tensors x = readable(given_x), targets = readable(own_labels(given_y));
  check_data(x, targets);
  Totals all;
  for_each_batch(x, batch_size, PlanKind::evaluate, [&](Batch& batch) {
    batch.targets = pointers(targets);
    all.add(backend_->evaluate(batch));
  });
  return all;
}

Tensors Network::predict(const Tensors& given_x, std::int64_t batch_size, bool training) {
  const Lease lease = exclusive();
  const Tensors x = readable(given_x);
  check_inputs(x);
  Tensors outputs;
  for (ValueId v : outputs_) outputs.emplace_back(batch_shape(x[0].shape()[0], v));
  const PlanKind kind = training ? PlanKind::training_predict : PlanKind::predict;
  for_each_batch(x, batch_size, kind, [&](Batch& batch) {
    for (Tensor& t : outputs) batch.outputs.push_back(&t);
    backend_->predict(batch, training);
  });
  return outputs;
}

Tensor Network::predict(const Tensor& x, std::int64_t batch_size, bool training) {
  if (outputs_.size() != 1) {
    throw ValueError("the network has " + std::to_string(outputs_.size()) +
                     " outputs: give predict a list of inputs, and it gives a list of outputs");
  }
  return predict(Tensors{x}, batch_size, training)[0];
}

Network::Gradients Network::backward(const Tensors& given_x, const Tensors& given_dy,
                                     bool training) {
  const Lease lease = exclusive();
  const Tensors x = readable(given_x), dy = readable(given_dy);
  check_inputs(x);
  const std::int64_t count = x[0].shape()[0];
  check_output_gradients(dy, count);
  Gradients result;
  for (const Tensor& t : x) result.inputs.emplace_back(t.shape());
  Batch batch;
  batch.inputs = pointers(x);
  batch.output_gradients = pointers(dy);
  for (Tensor& t : result.inputs) batch.input_gradients.push_back(&t);
  batch.count = count;
  batch.seed = seed_;
  batch.step = steps_;
  std::vector<float*> gradients;
  for (const Parameter& p : graph_->parameters()) {
    result.parameters.emplace_back(p.shape);
    gradients.push_back(p.trainable ? result.parameters.back().data<float>() : nullptr);
  }
  backend_->backward(batch, training, gradients);
  return result;
}

Lanes Network::cpu_lanes(std::int64_t images) const {
  return choose_lanes(channel_fill(*graph_), images);
}

std::string Network::plan_report() {
  const Lease lease = exclusive();
  return backend_->plan_report(training_.losses.empty() ? PlanKind::predict : PlanKind::train);
}

}  // namespace pycnn
