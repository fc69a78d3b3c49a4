#include "runtime/backend_cpu.h"

#include <algorithm>
#include <utility>

#include "graph/lanes.h"
#include "runtime/non_finite.h"

namespace pycnn {
namespace {

// Where nothing depends on the batch, images with channels in the lanes are worked on in groups
// that take about so many bytes: what one instruction leaves should be in a cache when the next one
// comes.
constexpr std::int64_t kGroupBytes = std::int64_t{16} << 20;
constexpr std::int64_t kSmallestGroup = 8;  // so that weights are not read for every image

// Beyond so many bytes for a batch that cannot be cut, images are in the lanes: there an arena for
// each thread will do, unless blocks must meet.
constexpr double kMostBytes = double(std::int64_t{4} << 30);

}  // namespace

// ---- weights

void CpuBackend::read_parameter(ParameterId id, float* values) const {
  const Parameter& p = graph_.parameters()[static_cast<std::size_t>(id)];
  std::copy_n(parameters_.at(id), element_count(p.shape), values);
}

void CpuBackend::write_parameter(ParameterId id, const float* values) {
  const Parameter& p = graph_.parameters()[static_cast<std::size_t>(id)];
  std::copy_n(values, element_count(p.shape), parameters_.at(id));
}

Weights CpuBackend::save() const {
  Weights weights;
  weights.flat.assign(parameters_.flat(), parameters_.flat() + parameters_.flat_size());
  if (optimizer_) {
    weights.state = optimizer_->state();
    weights.steps = optimizer_->steps();
  }
  return weights;
}

void CpuBackend::load(const Weights& weights) {
  if (optimizer_) optimizer_->restore(weights.state, weights.steps);
  std::copy(weights.flat.begin(), weights.flat.end(), parameters_.flat());
}

void CpuBackend::compile(const Training& training) {
  auto optimizer = std::make_unique<Optimizer>(training.optimizer, graph_, parameters_);
  training_ = training;
  optimizer_ = std::move(optimizer);
  for (auto& of_kind : executors_) {
    for (auto& executor : of_kind) executor.reset();
  }
}

// ---- running

CpuExecutor& CpuBackend::executor(PlanKind kind, std::int64_t images) {
  CpuExecutor& preferred = executor(kind, choose_lanes(fill_, images));
  // With the channels in the lanes each image of a batch has an arena.
  const double bytes = double(preferred.plan().arena_bytes) * double(images);
  const bool fits = preferred.plan().lanes == Lanes::images || bytes <= kMostBytes;
  return fits ? preferred : executor(kind, Lanes::images);
}

CpuExecutor& CpuBackend::executor(PlanKind kind, Lanes lanes) {
  auto& executor = executors_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(lanes)];
  if (!executor) {
    executor = std::make_unique<CpuExecutor>(
        graph_,
        make_plan(graph_, outputs_, kind, training_.losses, fusion_wanted(), Device::cpu, lanes),
        parameters_);
  }
  return *executor;
}

Totals CpuBackend::results(const CpuExecutor& executor, std::int64_t images, double penalty) const {
  Totals totals;
  totals.images = images;
  totals.penalty_sum = penalty * static_cast<double>(images);
  totals.loss_sum = totals.penalty_sum;
  for (std::size_t o = 0; o < training_.losses.size(); ++o) {
    const float* losses = executor.losses(static_cast<int>(o));
    const std::int32_t* ranks = executor.ranks(static_cast<int>(o));
    double sum = 0;
    for (std::int64_t i = 0; i < images; ++i) sum += double(losses[i]);
    totals.output_losses.push_back(sum);
    totals.loss_sum += double(training_.losses[o].weight) * sum;
    for (int k : training_.top_k[o]) {
      totals.hits.push_back(
          std::count_if(ranks, ranks + images, [k](std::int32_t rank) { return rank < k; }));
    }
  }
  return totals;
}

// One step: here nothing is gained by more.
std::int64_t CpuBackend::train(const Batch& images, std::int64_t batch_size, const float* rates,
                               std::int64_t, Totals& totals) {
  Batch batch = images;
  batch.count = std::min(batch_size, images.count);
  CpuExecutor& train = executor(PlanKind::train, batch.count);
  optimizer_->begin(*rates);
  train.run(batch, optimizer_.get());
  const Totals step = results(train, batch.count, optimizer_->measured_penalty());
  if (!train.finite()) throw_non_finite(step.loss(), train.first_non_finite(batch));
  totals.add(step);
  return 1;
}

Totals CpuBackend::evaluate(const Batch& batch) {
  CpuExecutor& evaluate = executor(PlanKind::evaluate, batch.count);
  evaluate.run(batch);
  return results(evaluate, batch.count, optimizer_->penalty());
}

void CpuBackend::predict(const Batch& batch, bool training) {
  executor(training ? PlanKind::training_predict : PlanKind::predict, batch.count).run(batch);
}

void CpuBackend::backward(const Batch& batch, bool training, const std::vector<float*>& gradients) {
  CpuExecutor& gradient =
      executor(training ? PlanKind::training_gradient : PlanKind::gradient, batch.count);
  gradient.run(batch);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i] != nullptr) {
      gradient.copy_gradient(static_cast<ParameterId>(i), gradients[i]);
    }
  }
}

std::int64_t CpuBackend::images_in_one_go(PlanKind kind, std::int64_t batch_size) {
  const Plan& plan = executor(kind, choose_lanes(fill_, kManyImages)).plan();
  if (plan.has_barriers || is_training(kind)) return batch_size;
  if (plan.lanes == Lanes::images) return std::max(batch_size, kManyImages);
  const auto bytes = static_cast<std::int64_t>(std::max<std::size_t>(plan.arena_bytes, 1));
  return std::clamp(kGroupBytes / bytes, kSmallestGroup, kManyImages);
}

}  // namespace pycnn
