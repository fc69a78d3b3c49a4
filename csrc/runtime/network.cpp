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

Shape with_batch(std::int64_t count, Shape shape) {
  shape.insert(shape.begin(), count);
  return shape;
}

// Images that are worked on in one go where nothing depends on the batch.
constexpr std::int64_t kLargeBatch = 16384;

}  // namespace

Network::Network(Graph graph, ValueId output, std::uint64_t seed)
    : graph_(std::make_shared<const Graph>(std::move(graph))),
      output_(output),
      seed_(seed),
      parameters_(*graph_, seed) {
  graph_->shape(output);  // there is such a value
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
LossSpec resolve_loss(const Graph& graph, ValueId output, const CompileOptions& options,
                      bool fuse) {
  if (options.loss == "mean_squared_error") {
    return {LossKind::mean_squared_error, false, output};
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
  if (options.from_logits) return {LossKind::softmax_cross_entropy, sparse, output};
  if (output != graph.input() && fuse) {
    const Node& last = graph.nodes()[static_cast<std::size_t>(output - 1)];
    const auto* activation = std::get_if<Activation>(&last.options);
    if (activation != nullptr && *activation == Activation::softmax) {
      return {LossKind::softmax_cross_entropy, sparse, last.input};
    }
  }
  return {LossKind::cross_entropy, sparse, output};
}

}  // namespace

void Network::compile(const CompileOptions& options) {
  const Lease lease = exclusive();
  check_sgd(options.optimizer);
  const LossSpec loss = resolve_loss(*graph_, output_, options, fusion_wanted());
  const std::int64_t classes = element_count(output_shape());
  for (int k : options.top_k) {
    if (k < 1 || k > classes) {
      throw ValueError("[compile] top-k accuracy with k = " + std::to_string(k) +
                       " needs 1 <= k <= " + std::to_string(classes) +
                       ", the size of the network's output");
    }
  }
  loss_ = loss;
  optimizer_ = options.optimizer;
  top_k_ = options.top_k;
  velocity_ = Arena();
  for (auto& executor : executors_) executor.reset();
}

void Network::require_compiled() const {
  if (!loss_) throw ValueError("the network has no loss yet: call compile first");
}

// ---- checks of data

void Network::check_input(const Tensor& x) const {
  const Shape& image = graph_->shape(graph_->input());
  const Shape& got = x.shape();
  const bool same =
      got.size() == image.size() + 1 && std::equal(image.begin(), image.end(), got.begin() + 1);
  if (!same) {
    throw ValueError("expected input of shape " + to_string_batched(image) + "; got " +
                     to_string(got));
  }
  if (x.dtype() == DType::int64) {
    throw TypeError("expected input of float32 or uint8; got int64");
  }
  if (got[0] < 1) throw ValueError("the input data are empty: shape " + to_string(got));
}

void Network::check_labels(const Tensor& y) const {
  const std::int64_t classes = output_shape()[0];
  const auto* labels = y.data<std::int64_t>();
  for (std::int64_t i = 0; i < y.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ValueError("label " + std::to_string(labels[i]) + " at index " + std::to_string(i) +
                       " is outside 0.." + std::to_string(classes - 1) + ", the network's " +
                       std::to_string(classes) + " classes");
    }
  }
}

void Network::check_data(const Tensor& x, const Tensor& y) const {
  require_compiled();
  check_input(x);
  const std::int64_t count = x.shape()[0];
  if (y.rank() < 1 || y.shape()[0] != count) {
    throw ValueError("x and y differ in length: x has shape " + to_string(x.shape()) +
                     ", y has shape " + to_string(y.shape()));
  }
  if (loss_->integer_labels) {
    if (y.dtype() != DType::int64 || y.rank() != 1) {
      throw ValueError("expected integer labels (int64) of shape (" + std::to_string(count) +
                       ",); got " + std::string(dtype_name(y.dtype())) + " of shape " +
                       to_string(y.shape()));
    }
    check_labels(y);
    return;
  }
  const Shape expected = with_batch(count, output_shape());
  if (y.shape() != expected || y.dtype() != DType::float32) {
    throw ValueError("expected targets (float32) of shape " + to_string(expected) + "; got " +
                     std::string(dtype_name(y.dtype())) + " of shape " + to_string(y.shape()));
  }
}

// ---- running

CpuExecutor& Network::executor(PlanKind kind) {
  auto& executor = executors_[static_cast<std::size_t>(kind)];
  if (!executor) {
    const bool needs_loss = kind == PlanKind::train || kind == PlanKind::evaluate;
    executor = std::make_unique<CpuExecutor>(
        *graph_,
        make_plan(*graph_, output_, kind, needs_loss ? loss_ : std::nullopt, fusion_wanted()),
        parameters_);
  }
  return *executor;
}

Totals Network::totals(const CpuExecutor& executor, std::int64_t images) const {
  Totals totals;
  totals.images = images;
  for (std::int64_t i = 0; i < images; ++i) {
    totals.loss_sum += double(executor.losses()[static_cast<std::size_t>(i)]);
  }
  for (int k : top_k_) {
    const auto first = executor.ranks().begin();
    totals.hits.push_back(std::count_if(first, first + images, [k](int rank) { return rank < k; }));
  }
  return totals;
}

Totals Network::train_step(const Tensor& x, const Tensor& y, float learning_rate) {
  const Lease lease = exclusive();
  // Labels are copied, so that nobody can change them between the check and their use.
  const Tensor targets = y.dtype() == DType::int64 ? y.clone() : y;
  check_data(x, targets);
  Batch batch;
  batch.input = &x;
  batch.target = &targets;
  batch.count = x.shape()[0];
  return train_step(batch, learning_rate);
}

Totals Network::train_step(const Batch& batch, float learning_rate) {
  require_compiled();
  CpuExecutor& train = executor(PlanKind::train);
  const bool momentum = optimizer_.momentum != 0.0f;
  if (momentum && velocity_.size() == 0) {
    velocity_ = Arena(static_cast<std::size_t>(std::max<std::int64_t>(parameters_.flat_size(), 1)) *
                      sizeof(float));
    std::fill_n(reinterpret_cast<float*>(velocity_.data()), parameters_.flat_size(), 0.0f);
  }
  float* velocity = momentum ? reinterpret_cast<float*>(velocity_.data()) : nullptr;
  const cpu::SgdKernels& sgd = *cpu::kernels().sgd;
  train.run(batch, [&](const CpuExecutor::Partials& p, std::int64_t begin, std::int64_t end) {
    sgd.update(optimizer_, learning_rate, p.first + begin, p.count, p.stride, end - begin,
               parameters_.flat() + begin, velocity != nullptr ? velocity + begin : nullptr);
  });
  const Totals result = totals(train, batch.count);
  if (!train.finite()) {
    const double loss = result.loss();  // a NaN may have a sign, which says nothing
    throw FloatingPointError("the loss is " + (std::isnan(loss) ? "nan" : std::to_string(loss)) +
                             ": " + train.first_non_finite(batch) +
                             " (a smaller learning rate or scaled inputs may help)");
  }
  return result;
}

template <typename F>
void Network::for_each_batch(const Tensor& x, std::int64_t batch_size, bool whole, F fn) {
  if (batch_size < 1) {
    throw ValueError("batch_size must be at least 1; got " + std::to_string(batch_size));
  }
  const std::int64_t count = x.shape()[0];
  const std::int64_t size = whole ? std::max(batch_size, kLargeBatch) : batch_size;
  for (std::int64_t first = 0; first < count; first += size) {
    Batch batch;
    batch.input = &x;
    batch.first = first;
    batch.count = std::min(size, count - first);
    fn(batch);
  }
}

Totals Network::evaluate(const Tensor& x, const Tensor& y, std::int64_t batch_size) {
  const Lease lease = exclusive();
  const Tensor targets = y.dtype() == DType::int64 ? y.clone() : y;
  check_data(x, targets);
  CpuExecutor& evaluate = executor(PlanKind::evaluate);
  Totals all;
  all.hits.assign(top_k_.size(), 0);
  for_each_batch(x, batch_size, !evaluate.plan().has_host_layers, [&](Batch batch) {
    batch.target = &targets;
    evaluate.run(batch, {});
    const Totals part = totals(evaluate, batch.count);
    all.images += part.images;
    all.loss_sum += part.loss_sum;
    for (std::size_t k = 0; k < all.hits.size(); ++k) all.hits[k] += part.hits[k];
  });
  return all;
}

Tensor Network::predict(const Tensor& x, std::int64_t batch_size) {
  const Lease lease = exclusive();
  check_input(x);
  CpuExecutor& predict = executor(PlanKind::predict);
  Tensor output(with_batch(x.shape()[0], output_shape()));
  for_each_batch(x, batch_size, !predict.plan().has_host_layers, [&](Batch batch) {
    batch.output = &output;
    predict.run(batch, {});
  });
  return output;
}

Network::Gradients Network::backward(const Tensor& x, const Tensor& dy) {
  const Lease lease = exclusive();
  check_input(x);
  const Shape expected = with_batch(x.shape()[0], output_shape());
  if (dy.shape() != expected || dy.dtype() != DType::float32) {
    throw ValueError("expected dy (float32) of shape " + to_string(expected) + "; got " +
                     std::string(dtype_name(dy.dtype())) + " of shape " + to_string(dy.shape()));
  }
  CpuExecutor& gradient = executor(PlanKind::gradient);
  Gradients result;
  result.input = Tensor(x.shape());
  Batch batch;
  batch.input = &x;
  batch.output_gradient = &dy;
  batch.input_gradient = &result.input;
  batch.count = x.shape()[0];
  gradient.run(batch, {});
  for (std::size_t i = 0; i < graph_->parameters().size(); ++i) {
    result.parameters.emplace_back(graph_->parameters()[i].shape);
    gradient.copy_gradient(static_cast<ParameterId>(i), result.parameters.back().data<float>());
  }
  return result;
}

std::string Network::plan_report() {
  const Lease lease = exclusive();
  return executor(loss_ ? PlanKind::train : PlanKind::predict).plan().report();
}

}  // namespace pycnn
