#include "runtime/executor_cpu.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>

#include "core/error.h"
#include "runtime/interrupt.h"

namespace pycnn {

using cpu::kLanes;

// What the threads of one run share.
struct CpuExecutor::Job {
  BlockRunner runner;
  std::unique_ptr<std::atomic<std::int64_t>[]> next;  // next piece of work, per stage
  std::atomic<bool> cancelled{false};
  std::exception_ptr error;  // of the calling thread, the only one that may throw

  // Runs f on the calling thread; an exception stops the whole job.
  template <typename F>
  void guard(F f) {
    try {
      f();
    } catch (...) {
      error = std::current_exception();
      cancelled.store(true, std::memory_order_relaxed);
    }
  }
};

CpuExecutor::CpuExecutor(const Graph& graph, Plan plan, ParameterStore& parameters)
    : graph_(graph),
      plan_(std::move(plan)),
      parameters_(parameters),
      has_gradients_(has_gradients(plan_.kind)) {
  for (std::size_t i = 0; i < plan_.program.size(); ++i) {
    if (std::holds_alternative<LossStep>(plan_.program[i].operation)) ++outputs_;
    const bool barrier = plan_.program[i].barrier;
    if (barrier || stages_.empty() || stages_.back().barrier) {
      stages_.push_back({i, i + 1, barrier});
    } else {
      stages_.back().end = i + 1;
    }
  }
}

void CpuExecutor::prepare(const Batch& batch) {
  count_ = batch.count;
  blocks_ = (count_ + kLanes - 1) / kLanes;
  slots_ = static_cast<int>(std::min<std::int64_t>(plan_.partial_sums, blocks_));
  finite_ = true;
  const auto arenas =
      static_cast<std::size_t>(plan_.has_barriers ? blocks_ : std::int64_t{num_threads()});
  while (arenas_.size() < arenas) arenas_.emplace_back(plan_.arena_bytes);
  moved_.clear();
  losses_.assign(outputs_ * static_cast<std::size_t>(output_stride()), 0.0f);
  ranks_.assign(losses_.size(), 0);
  if (!has_gradients_) return;
  gradient_stride_ = parameters_.flat_size();
  const auto wanted = static_cast<std::size_t>(gradient_stride_) * static_cast<std::size_t>(slots_);
  if (gradients_.size() < wanted * sizeof(float)) {
    // Zeros: the gaps between parameters and what no instruction writes stay so.
    gradients_ = Arena(wanted * sizeof(float));
    std::fill_n(reinterpret_cast<float*>(gradients_.data()), wanted, 0.0f);
  }
}

Block CpuExecutor::block(std::int64_t index, int worker) const {
  const std::int64_t first = index * kLanes;
  const auto arena = static_cast<std::size_t>(plan_.has_barriers ? index : worker);
  auto* self = const_cast<CpuExecutor*>(this);  // the memory is the executor's own
  float* gradients = nullptr;
  if (has_gradients_) {
    gradients =
        reinterpret_cast<float*>(self->gradients_.data()) + (index % slots_) * gradient_stride_;
  }
  return {first,
          static_cast<int>(std::min<std::int64_t>(kLanes, count_ - first)),
          self->arenas_[arena].data(),
          gradients,
          index >= slots_,
          self->losses_.data() + first,
          self->ranks_.data() + first,
          output_stride()};
}

PartialSums CpuExecutor::partials() const {
  return {reinterpret_cast<const float*>(gradients_.data()), slots_, gradient_stride_};
}

void CpuExecutor::run(const Batch& batch, Optimizer* optimizer) {
  prepare(batch);
  Job job{BlockRunner(plan_, parameters_, batch),
          std::make_unique<std::atomic<std::int64_t>[]>(stages_.size()), false, nullptr};
  parallel_run([&](Team& team) {
    run_stages(job, team);
    if (optimizer == nullptr) return;
    optimizer->measure(team);
    team.barrier();
    // Every thread looks at all losses itself: cheaper than one more barrier.
    if (job.cancelled.load() || !all_finite() || !optimizer->finite()) return;
    optimizer->apply(team, partials());
    if (team.index() > 0) return;
    for (const Moved& m : moved_) std::copy(m.values.begin(), m.values.end(), parameters_.at(m.id));
  });
  if (job.error) std::rethrow_exception(job.error);
  finite_ = all_finite() && (optimizer == nullptr || optimizer->finite());
}

bool CpuExecutor::all_finite() const {
  return std::all_of(losses_.begin(), losses_.end(),
                     [](float loss) { return std::isfinite(loss); });
}

void CpuExecutor::run_stages(Job& job, Team& team) {
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    if (s > 0) team.barrier();
    const Stage& stage = stages_[s];
    if (!stage.barrier) {
      run_blocks(job, stage, s, team.index());
    } else if (team.index() == 0 && !job.cancelled.load()) {
      job.guard([&] { run_leader(job.runner, plan_.program[stage.begin]); });
    }
  }
}

// Work is handed out in pieces: a partial sum with all its blocks in order, so that the sum does
// not depend on who does it; or single blocks where nothing is summed.
void CpuExecutor::run_blocks(Job& job, const Stage& stage, std::size_t stage_index, int worker) {
  // The pool may have grown since prepare(); a worker without an arena leaves the work to others.
  if (!plan_.has_barriers && static_cast<std::size_t>(worker) >= arenas_.size()) return;
  const std::int64_t pieces = has_gradients_ ? slots_ : blocks_;
  std::atomic<std::int64_t>& next = job.next[stage_index];
  for (std::int64_t piece; (piece = next.fetch_add(1)) < pieces;) {
    for (std::int64_t b = piece; b < blocks_; b += pieces) run_block(job, stage, b, worker);
  }
}

void CpuExecutor::run_block(Job& job, const Stage& stage, std::int64_t index, int worker) {
  const Block b = block(index, worker);
  for (std::size_t i = stage.begin; i < stage.end; ++i) {
    if (worker == 0) job.guard(check_interrupt);
    if (job.cancelled.load(std::memory_order_relaxed)) return;
    job.runner.run(plan_.program[i], b);
  }
}

void CpuExecutor::copy_gradient(ParameterId id, float* out) const {
  const PartialSums p = partials();
  const std::int64_t size = element_count(graph_.parameters()[static_cast<std::size_t>(id)].shape);
  const float* first = p.first + parameters_.offset(id);
  for (std::int64_t i = 0; i < size; ++i) {
    out[i] = first[i];
    for (int s = 1; s < p.count; ++s) out[i] += first[s * p.stride + i];
  }
}

// ---- host layers: the whole batch as one NHWC array

Tensor CpuExecutor::collect(const BlockRunner& runner, BufferId from,
                            const Shape& image_shape) const {
  Shape shape = image_shape;
  shape.insert(shape.begin(), count_);
  Tensor images(shape);
  const std::int64_t size = element_count(image_shape);
  for (std::int64_t b = 0; b < blocks_; ++b) {
    runner.save(block(b, 0), from, images.data<float>() + b * kLanes * size);
  }
  return images;
}

void CpuExecutor::distribute(const BlockRunner& runner, BufferId to, const Tensor& images) const {
  const std::int64_t size = images.size() / count_;
  for (std::int64_t b = 0; b < blocks_; ++b) {
    runner.load(block(b, 0), to, images.data<float>() + b * kLanes * size);
  }
}

std::vector<Tensor> CpuExecutor::host_weights(const Node& node) const {
  std::vector<Tensor> weights;
  for (ParameterId id : node.parameters) {
    // A copy: the host program may keep what it is given for longer than the network lives.
    Tensor w(graph_.parameters()[static_cast<std::size_t>(id)].shape);
    std::copy_n(parameters_.at(id), w.size(), w.data<float>());
    weights.push_back(std::move(w));
  }
  return weights;
}

namespace {

void check_result(const Tensor& t, std::int64_t batch, Shape image_shape, const std::string& who,
                  const std::string& what) {
  image_shape.insert(image_shape.begin(), batch);
  if (t.shape() != image_shape || t.dtype() != DType::float32) {
    throw ValueError(who + " " + what + " must be float32 of shape " + to_string(image_shape) +
                     "; got " + std::string(dtype_name(t.dtype())) + " of shape " +
                     to_string(t.shape()));
  }
}

}  // namespace

void CpuExecutor::run_leader(const BlockRunner& runner, const Instruction& instruction) {
  std::visit(
      [&](const auto& operation) {
        if constexpr (requires { lead(runner, operation); }) lead(runner, operation);
      },
      instruction.operation);
}

float* CpuExecutor::first_partial(ParameterId id) {
  return reinterpret_cast<float*>(gradients_.data()) + parameters_.offset(id);
}

void CpuExecutor::lead(const BlockRunner& runner, const HostForward& i) {
  const Node& node = graph_.nodes()[static_cast<std::size_t>(i.node)];
  const Tensor x = collect(runner, i.x, graph_.shape(node.input()));
  const bool training = is_training(plan_.kind);
  const Tensor y =
      std::get<HostOptions>(node.options).layer->forward(x, host_weights(node), training);
  check_result(y, count_, graph_.shape(node.output), node.who(), "forward's result");
  distribute(runner, i.y, y);
}

void CpuExecutor::lead(const BlockRunner& runner, const HostBackward& i) {
  const Node& node = graph_.nodes()[static_cast<std::size_t>(i.node)];
  const Tensor dy = collect(runner, i.dy, graph_.shape(node.output));
  const auto gradients =
      std::get<HostOptions>(node.options).layer->backward(dy, host_weights(node));
  check_result(gradients.input, count_, graph_.shape(node.input()), node.who(),
               "backward's result");
  if (gradients.weights.size() != node.parameters.size()) {
    throw ValueError(node.who() + " backward must give " + std::to_string(node.parameters.size()) +
                     " weight gradients; got " + std::to_string(gradients.weights.size()));
  }
  if (i.dx >= 0) distribute(runner, i.dx, gradients.input);
  for (std::size_t p = 0; p < node.parameters.size(); ++p) {
    const ParameterId id = node.parameters[p];
    const Parameter& parameter = graph_.parameters()[static_cast<std::size_t>(id)];
    const Tensor& g = gradients.weights[p];
    if (g.shape() != parameter.shape || g.dtype() != DType::float32) {
      throw ValueError(node.who() + " gradient of weight '" + parameter.name +
                       "' must be float32 of shape " + to_string(parameter.shape) + "; got shape " +
                       to_string(g.shape()));
    }
    // Into the first partial sum; nobody writes these places of the others.
    std::copy_n(g.data<float>(), g.size(), first_partial(id));
  }
}

// ---- batch normalization: what the blocks found, combined in order

void CpuExecutor::lead(const BlockRunner& runner, const BatchNormCombine& i) {
  Moved mean{i.moving_mean, {}}, variance{i.moving_variance, {}};
  const float* old_mean = parameters_.at(i.moving_mean);
  const float* old_variance = parameters_.at(i.moving_variance);
  for (int c = 0; c < i.channels; ++c) {
    // Chan, Golub and LeVeque 1979: mean and squared deviations of a union from those of its parts.
    double n = 0, m = 0, deviation = 0;
    for (std::int64_t index = 0; index < blocks_; ++index) {
      const Block b = block(index, 0);
      const auto part = runner.pairs(b, i.partial);
      const double part_n = static_cast<double>(i.positions) * b.count;
      const double delta = double(part.first[c]) - m;
      const double total = n + part_n;
      m += delta * part_n / total;
      deviation += double(part.second[c]) + delta * delta * n * part_n / total;
      n = total;
    }
    const double v = deviation / n;
    for (std::int64_t index = 0; index < blocks_; ++index) {
      const auto statistics = runner.pairs(block(index, 0), i.statistics);
      statistics.first[c] = static_cast<float>(m);
      statistics.second[c] = static_cast<float>(1.0 / std::sqrt(v + double(i.options.epsilon)));
    }
    const float keep = i.options.momentum;
    mean.values.push_back(keep * old_mean[c] + (1.0f - keep) * static_cast<float>(m));
    variance.values.push_back(keep * old_variance[c] + (1.0f - keep) * static_cast<float>(v));
  }
  moved_.push_back(std::move(mean));
  moved_.push_back(std::move(variance));
}

void CpuExecutor::lead(const BlockRunner& runner, const BatchNormBackwardCombine& i) {
  const double n = static_cast<double>(i.positions) * static_cast<double>(count_);
  for (int c = 0; c < i.channels; ++c) {
    double sum_dy = 0, sum_dyh = 0;
    for (std::int64_t index = 0; index < blocks_; ++index) {
      const auto part = runner.pairs(block(index, 0), i.partial);
      sum_dy += double(part.first[c]);
      sum_dyh += double(part.second[c]);
    }
    for (std::int64_t index = 0; index < blocks_; ++index) {
      const auto means = runner.pairs(block(index, 0), i.means);
      means.first[c] = static_cast<float>(sum_dy / n);
      means.second[c] = static_cast<float>(sum_dyh / n);
    }
    // Into the first partial sum; nobody writes these places of the others.
    if (i.beta >= 0) first_partial(i.beta)[c] = static_cast<float>(sum_dy);
    if (i.gamma >= 0) first_partial(i.gamma)[c] = static_cast<float>(sum_dyh);
  }
}

// ---- diagnosis

std::string CpuExecutor::first_non_finite(const Batch& batch) {
  for (std::size_t i = 0; i < graph_.parameters().size(); ++i) {
    const Parameter& p = graph_.parameters()[i];
    const float* values = parameters_.at(static_cast<ParameterId>(i));
    if (!std::all_of(values, values + element_count(p.shape),
                     [](float v) { return std::isfinite(v); })) {
      return "the weights '" + p.name + "' of layer '" + p.layer + "' are not finite";
    }
  }
  prepare(batch);
  const BlockRunner runner(plan_, parameters_, batch);
  for (const Stage& stage : stages_) {
    if (!plan_.program[stage.begin].forward) break;
    if (stage.barrier) run_leader(runner, plan_.program[stage.begin]);
    for (std::int64_t b = 0; b < blocks_; ++b) {
      const Block at = block(b, 0);
      for (std::size_t i = stage.begin; i < stage.end; ++i) {
        const Instruction& instruction = plan_.program[i];
        if (!instruction.forward) break;
        if (!stage.barrier) runner.run(instruction, at);
        for (BufferId id : instruction.writes) {
          if (runner.is_finite(at, id)) continue;
          if (instruction.layer == "[Input]") return "the input data are not finite";
          if (instruction.layer == "[targets]") return "the targets are not finite";
          return "the first output that is not finite is that of " + instruction.layer;
        }
      }
    }
  }
  return "all layers' outputs are finite, the loss itself is not";
}

}  // namespace pycnn
