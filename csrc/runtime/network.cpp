#include "runtime/network.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace pycnn {
namespace {

bool fusion_wanted() {
  const char* value = std::getenv("PYCNN_FUSE");
  return value == nullptr || std::strcmp(value, "0") != 0;
}

// Images that are worked on in one go where nothing depends on the batch.
constexpr std::int64_t kLargeBatch = 16384;

}  // namespace

void Totals::add(const Totals& part) {
  images += part.images;
  loss_sum += part.loss_sum;
  output_losses.resize(part.output_losses.size());
  hits.resize(part.hits.size());
  for (std::size_t i = 0; i < output_losses.size(); ++i) output_losses[i] += part.output_losses[i];
  for (std::size_t i = 0; i < hits.size(); ++i) hits[i] += part.hits[i];
}

Network::Network(Graph graph, std::vector<ValueId> outputs, std::uint64_t seed)
    : graph_(std::make_shared<const Graph>(std::move(graph))),
      outputs_(std::move(outputs)),
      seed_(seed),
      parameters_(*graph_, seed) {
  if (outputs_.empty()) throw ValueError("a network needs at least one output");
  for (ValueId v : outputs_) graph_->shape(v);  // there is such a value
}

// ---- weights

Tensor Network::get_parameter(ParameterId id) const {
  const Lease lease = exclusive();
  if (id < 0 || static_cast<std::size_t>(id) >= graph_->parameters().size()) {
    throw ValueError("there is no parameter " + std::to_string(id));
  }
  Tensor value(graph_->parameters()[static_cast<std::size_t>(id)].shape);
  std::copy_n(parameters_.at(id), value.size(), value.data<float>());
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
  std::copy_n(value.data<float>(), value.size(), parameters_.at(id));
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
  std::vector<LossSpec> losses;
  std::vector<std::vector<int>> top_k;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const OutputOptions& o = options.outputs[i];
    if (!std::isfinite(o.weight)) throw ValueError("[compile] a loss weight must be finite");
    check_top_k(o.top_k, *graph_, outputs_[i]);
    losses.push_back(resolve_loss(*graph_, outputs_[i], o, fusion_wanted()));
    top_k.push_back(o.top_k);
  }
  auto optimizer = std::make_unique<Optimizer>(options.optimizer, *graph_, parameters_);
  losses_ = std::move(losses);
  top_k_ = std::move(top_k);
  optimizer_ = std::move(optimizer);
  for (auto& executor : executors_) executor.reset();
}

void Network::require_compiled() const {
  if (losses_.empty()) throw ValueError("the network has no loss yet: call compile first");
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

// Labels are copied, so that nobody can change them between the check and their use.
Tensors own_labels(const Tensors& y) {
  Tensors own;
  for (const Tensor& t : y) own.push_back(t.dtype() == DType::int64 ? t.clone() : t);
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
  if (losses_[output].integer_labels) {
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

// ---- running

CpuExecutor& Network::executor(PlanKind kind) {
  auto& executor = executors_[static_cast<std::size_t>(kind)];
  if (!executor) {
    executor = std::make_unique<CpuExecutor>(
        *graph_, make_plan(*graph_, outputs_, kind, losses_, fusion_wanted()), parameters_);
  }
  return *executor;
}

Totals Network::totals(const CpuExecutor& executor, std::int64_t images, double penalty) const {
  Totals totals;
  totals.images = images;
  totals.loss_sum = penalty * static_cast<double>(images);
  for (std::size_t o = 0; o < losses_.size(); ++o) {
    const float* losses = executor.losses(static_cast<int>(o));
    const std::int32_t* ranks = executor.ranks(static_cast<int>(o));
    double sum = 0;
    for (std::int64_t i = 0; i < images; ++i) sum += double(losses[i]);
    totals.output_losses.push_back(sum);
    totals.loss_sum += double(losses_[o].weight) * sum;
    for (int k : top_k_[o]) {
      totals.hits.push_back(
          std::count_if(ranks, ranks + images, [k](std::int32_t rank) { return rank < k; }));
    }
  }
  return totals;
}

Totals Network::train_step(const Tensors& x, const Tensors& y, float learning_rate) {
  const Lease lease = exclusive();
  const Tensors targets = own_labels(y);
  check_data(x, targets);
  Batch batch;
  batch.inputs = pointers(x);
  batch.targets = pointers(targets);
  batch.count = x[0].shape()[0];
  return train_step(std::move(batch), learning_rate);
}

Totals Network::train_step(Batch batch, float learning_rate) {
  require_compiled();
  batch.seed = seed_;
  batch.step = steps_;
  CpuExecutor& train = executor(PlanKind::train);
  optimizer_->begin(learning_rate);
  train.run(batch, optimizer_.get());
  const Totals result = totals(train, batch.count, optimizer_->measured_penalty());
  if (!train.finite()) {
    const double loss = result.loss();  // a NaN may have a sign, which says nothing
    const std::string what = std::isfinite(loss) ? "the loss is finite, its gradient is not"
                             : std::isnan(loss)  ? "the loss is nan"
                                                 : "the loss is " + std::to_string(loss);
    throw FloatingPointError(what + ": " + train.first_non_finite(batch) +
                             " (a smaller learning rate or scaled inputs may help)");
  }
  ++steps_;
  return result;
}

template <typename F>
void Network::for_each_batch(const Tensors& x, std::int64_t batch_size, const CpuExecutor& executor,
                             F fn) {
  if (batch_size < 1) {
    throw ValueError("batch_size must be at least 1; got " + std::to_string(batch_size));
  }
  const std::int64_t count = x[0].shape()[0];
  // Where no layer looks at the whole batch, its size makes no difference: take many at once.
  const bool alone = !executor.plan().has_barriers && !is_training(executor.plan().kind);
  const std::int64_t size = alone ? std::max(batch_size, kLargeBatch) : batch_size;
  std::uint64_t step = steps_;
  for (std::int64_t first = 0; first < count; first += size) {
    Batch batch;
    batch.inputs = pointers(x);
    batch.first = first;
    batch.count = std::min(size, count - first);
    batch.seed = seed_;
    batch.step = step++;
    fn(batch);
  }
}

Totals Network::evaluate(const Tensors& x, const Tensors& y, std::int64_t batch_size) {
  const Lease lease = exclusive();
  const Tensors targets = own_labels(y);
  check_data(x, targets);
  CpuExecutor& evaluate = executor(PlanKind::evaluate);
  const double penalty = optimizer_->penalty();
  Totals all;
  for_each_batch(x, batch_size, evaluate, [&](Batch& batch) {
    batch.targets = pointers(targets);
    evaluate.run(batch);
    all.add(totals(evaluate, batch.count, penalty));
  });
  return all;
}

Tensors Network::predict(const Tensors& x, std::int64_t batch_size, bool training) {
  const Lease lease = exclusive();
  check_inputs(x);
  CpuExecutor& predict = executor(training ? PlanKind::training_predict : PlanKind::predict);
  Tensors outputs;
  for (ValueId v : outputs_) outputs.emplace_back(batch_shape(x[0].shape()[0], v));
  for_each_batch(x, batch_size, predict, [&](Batch& batch) {
    for (Tensor& t : outputs) batch.outputs.push_back(&t);
    predict.run(batch);
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

Network::Gradients Network::backward(const Tensors& x, const Tensors& dy, bool training) {
  const Lease lease = exclusive();
  check_inputs(x);
  const std::int64_t count = x[0].shape()[0];
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
  CpuExecutor& gradient = executor(training ? PlanKind::training_gradient : PlanKind::gradient);
  Gradients result;
  for (const Tensor& t : x) result.inputs.emplace_back(t.shape());
  Batch batch;
  batch.inputs = pointers(x);
  batch.output_gradients = pointers(dy);
  for (Tensor& t : result.inputs) batch.input_gradients.push_back(&t);
  batch.count = count;
  batch.seed = seed_;
  batch.step = steps_;
  gradient.run(batch);
  for (std::size_t i = 0; i < graph_->parameters().size(); ++i) {
    const Parameter& p = graph_->parameters()[i];
    result.parameters.emplace_back(p.shape);
    if (!p.trainable) continue;
    gradient.copy_gradient(static_cast<ParameterId>(i), result.parameters.back().data<float>());
  }
  return result;
}

std::string Network::plan_report() {
  const Lease lease = exclusive();
  return executor(losses_.empty() ? PlanKind::predict : PlanKind::train).plan().report();
}

}  // namespace pycnn
