#include "runtime/executor_cpu.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/overloaded.h"
#include "graph/lanes.h"
#include "runtime/interrupt.h"

namespace pycnn {

using cpu::kLanes;

namespace {

constexpr std::size_t kArenaGap = 5 * kAlignment;

// Parameters whose gradients come from the whole batch at once.
std::vector<bool> whole_gradients(const Graph& graph, const Plan& plan) {
  std::vector<bool> whole(graph.parameters().size());
  const auto mark = [&](ParameterId id) {
    if (id >= 0) whole[static_cast<std::size_t>(id)] = true;
  };
  for (const Instruction& instruction : plan.program) {
    std::visit(Overloaded{[&](const DenseBackwardParams& i) { mark(i.kernel), mark(i.bias); },
                          [&](const BatchNormBackwardCombine& i) { mark(i.gamma), mark(i.beta); },
                          [&](const HostBackward& i) {
                            const Node& node = graph.nodes()[static_cast<std::size_t>(i.node)];
                            std::ranges::for_each(node.parameters, mark);
                          },
                          [](const auto&) {}},
               instruction.operation);
  }
  return whole;
}

// The trainable parameters that are not whole, as stretches of the flat gradient.
std::vector<Share> stretches_in_parts(const Graph& graph, const ParameterLayout& layout,
                                      const std::vector<bool>& whole) {
  std::vector<Share> stretches;
  for (std::size_t p = 0; p < whole.size(); ++p) {
    const Parameter& parameter = graph.parameters()[p];
    if (whole[p] || !parameter.trainable) continue;
    const std::int64_t begin = layout.offset(static_cast<ParameterId>(p));
    const std::int64_t vectors = (element_count(parameter.shape) + kLanes - 1) / kLanes;
    stretches.push_back({begin, begin + vectors * kLanes});
  }
  return stretches;
}

}  // namespace

// What the threads of one run share.
struct CpuExecutor::Job {
  BlockRunner runner;
  std::optional<ChannelRunner> channel_runner;
  std::unique_ptr<std::atomic<std::int64_t>[]> next;  // next piece of work, per stage
  std::atomic<bool> cancelled{false};
  std::atomic<bool> finite_gradients{true};
  std::exception_ptr error{};  // of the calling thread, the only one that may throw

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

CpuExecutor::CpuExecutor(const Graph& graph, Plan plan, ParameterStore& parameters, Timing timing)
    : graph_(graph),
      plan_(std::move(plan)),
      parameters_(parameters),
      has_gradients_(has_gradients(plan_.kind)),
      multiply_adds_(multiply_adds(plan_)),
      timing_(timing) {
  // What a block has made must be there when its next instruction comes.
  if (timing_ == Timing::on) plan_.has_barriers = true;
  if (plan_.lanes == Lanes::channels) program_.emplace(plan_);
  // Neighbouring arenas shall not begin at the same place of a cache.
  arena_stride_ = plan_.arena_bytes / kAlignment * kAlignment + kArenaGap;
  // Nor shall the images' rows: an odd number of cache lines apart.
  kept_stride_ = plan_.kept_bytes | kAlignment;
  whole_ = whole_gradients(graph_, plan_);
  in_parts_ = stretches_in_parts(graph_, parameters_, whole_);
  plan_stages();
}

CpuExecutor::Runs CpuExecutor::runs(std::size_t instruction) const {
  const Instruction& i = plan_.program[instruction];
  if (std::holds_alternative<HostForward>(i.operation) ||
      std::holds_alternative<HostBackward>(i.operation)) {
    return Runs::host;
  }
  if (!channels()) {
    if (std::holds_alternative<DenseBackwardParams>(i.operation)) return Runs::team;
    return i.barrier ? Runs::leader : Runs::blocks;
  }
  return program_->deal(instruction) == Deal::leader ? Runs::leader : Runs::team;
}

// Whether nobody need wait between the instruction and the one before it.
bool CpuExecutor::joins_stage(std::size_t instruction) const {
  if (timing_ == Timing::on || stages_.empty()) return false;
  if (channels()) return program_->follows_at_once(instruction);
  const Runs by = runs(instruction);
  if (by != stages_.back().by) return false;
  // On kept rows, each to weights of its own.
  return by == Runs::blocks || (by == Runs::team && !plan_.program[instruction].accumulate);
}

void CpuExecutor::plan_stages() {
  stages_.clear();
  outputs_ = 0;
  for (std::size_t i = 0; i < plan_.program.size(); ++i) {
    if (std::holds_alternative<LossStep>(plan_.program[i].operation)) ++outputs_;
    if (joins_stage(i)) {
      stages_.back().end = i + 1;
    } else {
      stages_.push_back({i, i + 1, runs(i)});
    }
    if (stages_.back().by == Runs::blocks) last_block_stage_ = stages_.size() - 1;
  }
}

void CpuExecutor::prepare(const Batch& batch, const cpu::Kernels& kernels) {
  count_ = batch.count;
  blocks_ = channels() ? count_ : (count_ + kLanes - 1) / kLanes;
  slots_ = static_cast<int>(std::min<std::int64_t>(plan_.partial_sums, blocks_));
  finite_ = true;
  if (channels() && program_->choose_deals(count_)) plan_stages();
  prepare_memory(kernels);
  moved_.clear();
  if (timing_ == Timing::on) {
    spans_.assign(stages_.size() * static_cast<std::size_t>(num_threads()), {});
  }
  losses_.assign(outputs_ * static_cast<std::size_t>(output_stride()), 0.0f);
  ranks_.assign(losses_.size(), 0);
  if (!has_gradients_) return;
  gradient_stride_ = parameters_.flat_size();
  const auto wanted = static_cast<std::size_t>(gradient_stride_) * static_cast<std::size_t>(slots_);
  if (gradients_.size() < wanted * sizeof(float)) {
    // Zeros: the gaps between parameters and what no instruction writes stay so.
    gradients_ = Arena(wanted * sizeof(float));
    clear_gradients();
  }
}

void CpuExecutor::prepare_memory(const cpu::Kernels& kernels) {
  const bool each_block = plan_.has_barriers || channels();
  const std::int64_t arenas = each_block ? blocks_ : std::int64_t{num_threads()};
  if (arenas > arena_count_) {
    arena_count_ = 0;
    arenas_ = Arena();  // the old one goes before the new one comes
    const auto stride = static_cast<std::int64_t>(arena_stride_);
    arenas_ = Arena(static_cast<std::size_t>(checked_mul(arenas, stride)));
    arena_count_ = arenas;
  }
  const auto kept = static_cast<std::size_t>(
      plan_.kept_bytes > 0 ? checked_mul(count_, static_cast<std::int64_t>(kept_stride_)) : 0);
  if (kept_.size() < kept) kept_ = Arena(kept);
  if (!channels()) return;
  const auto wanted = static_cast<std::size_t>(checked_mul(program_->scratch(kernels, count_), 4));
  if (scratch_.size() < wanted) scratch_ = Arena(wanted);
  workspaces_.set_bytes(program_->thread_bytes(kernels));
}

Block CpuExecutor::block(std::int64_t index, int worker) {
  const std::int64_t size = channels() ? 1 : kLanes;
  const std::int64_t first = index * size;
  const bool each_block = plan_.has_barriers || channels();
  const auto arena = static_cast<std::size_t>(each_block ? index : worker);
  float* gradients = nullptr;
  if (has_gradients_) {
    gradients = reinterpret_cast<float*>(gradients_.data()) + (index % slots_) * gradient_stride_;
  }
  std::byte* kept = nullptr;
  if (plan_.kept_bytes > 0) kept = kept_.data() + static_cast<std::size_t>(first) * kept_stride_;
  return {first,
          static_cast<int>(std::min(size, count_ - first)),
          arenas_.data() + arena * arena_stride_,
          kept,
          kept_stride_,
          gradients,
          index >= slots_,
          losses_.data() + first,
          ranks_.data() + first,
          output_stride()};
}

ChannelMemory CpuExecutor::channel_memory() {
  return {arenas_.data(),
          arena_stride_,
          reinterpret_cast<float*>(gradients_.data()),
          reinterpret_cast<float*>(scratch_.data()),
          losses_.data(),
          ranks_.data(),
          output_stride()};
}

cpu::ConstChannelView CpuExecutor::kept_rows(BufferId id) const {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(id)];
  return {reinterpret_cast<const float*>(kept_.data() + b.offset),
          static_cast<std::int64_t>(kept_stride_ / sizeof(float)),
          b.row(),
          static_cast<int>(count_),
          b.height,
          b.width,
          b.channels};
}

Gradients CpuExecutor::gradients() const {
  return {{reinterpret_cast<const float*>(gradients_.data()), slots_, gradient_stride_}, whole_};
}

void CpuExecutor::run(const Batch& batch, Optimizer* optimizer) {
  const cpu::Kernels& kernels = cpu::kernels();
  prepare(batch, kernels);
  Job job{BlockRunner(kernels, plan_, parameters_, batch), std::nullopt,
          std::make_unique<std::atomic<std::int64_t>[]>(stages_.size())};
  if (channels()) {
    job.channel_runner.emplace(kernels, *program_, parameters_, batch, channel_memory());
  }
  for (std::size_t s = 0; s < stages_.size() && !job.cancelled.load();) {
    if (stages_[s].by == Runs::host) {
      // In no job of the thread pool: a Python layer may use the library itself, or wait for a
      // thread that does.
      note_begin(s, 0);
      job.guard([&] { run_leader(job.runner, plan_.program[stages_[s].begin]); });
      note_end(s, 0);
      ++s;
      continue;
    }
    const std::size_t begin = s;
    while (s < stages_.size() && stages_[s].by != Runs::host) ++s;
    const bool last = s == stages_.size();
    fork([&](Team& team) {
      run_stages(job, begin, s, team);
      if (last && optimizer != nullptr) update(job, team, *optimizer);
    });
  }
  if (optimizer != nullptr && stages_.back().by == Runs::host && !job.cancelled.load()) {
    parallel_run([&](Team& team) { update(job, team, *optimizer); });
  }
  finite_ = !job.error && all_finite() && job.finite_gradients.load() &&
            (optimizer == nullptr || optimizer->finite());
  // What a leader or a host layer writes, it writes after the blocks were looked at: the next step
  // must not find what is not finite there.
  if (has_gradients_ && !finite_) clear_gradients();
  if (job.error) std::rethrow_exception(job.error);
}

void CpuExecutor::clear_gradients() {
  std::fill_n(reinterpret_cast<float*>(gradients_.data()), gradients_.size() / sizeof(float), 0.0f);
}

void CpuExecutor::fork(const std::function<void(Team&)>& job) {
  // Below this other threads take longer to come than one takes for the work.
  constexpr double kWorthwhile = 1e6;
  if (!channels()) return parallel_run(job);
  const bool small = double(multiply_adds_) * double(count_) < kWorthwhile;
  small ? solo_run(job, workspaces_) : parallel_run(job, workspaces_);
}

void CpuExecutor::update(Job& job, Team& team, Optimizer& optimizer) {
  optimizer.measure(team);
  // What was written into the first partial sum other than by blocks, or after them.
  if (stages_.back().by != Runs::blocks) {
    team.barrier();  // until all have written
    const Share vectors = share(team, parameters_.trainable_size() / kLanes);
    check_gradient(job, 0, {vectors.begin * kLanes, vectors.end * kLanes});
  }
  team.barrier();
  // Every thread looks at all losses itself: cheaper than one more barrier.
  if (job.cancelled.load() || !all_finite() || !job.finite_gradients.load() ||
      !optimizer.finite()) {
    return;
  }
  optimizer.apply(team, gradients());
  if (team.index() > 0) return;
  for (const Moved& m : moved_) std::copy(m.values.begin(), m.values.end(), parameters_.at(m.id));
}

void CpuExecutor::check_gradient(Job& job, std::int64_t slot, Share part) {
  const float* gradient =
      reinterpret_cast<const float*>(gradients_.data()) + slot * gradient_stride_ + part.begin;
  if (!cpu::kernels().gradient->finite(gradient, part.end - part.begin)) {
    job.finite_gradients.store(false);
  }
}

bool CpuExecutor::all_finite() const {
  return std::all_of(losses_.begin(), losses_.end(),
                     [](float loss) { return std::isfinite(loss); });
}

void CpuExecutor::run_stages(Job& job, std::size_t begin, std::size_t end, Team& team) {
  for (std::size_t s = begin; s < end; ++s) {
    if (team.index() == 0 && channels()) job.guard(check_interrupt);
    if (s > begin || channels()) team.barrier();
    const Stage& stage = stages_[s];
    note_begin(s, team.index());
    if (stage.by == Runs::blocks) {
      run_blocks(job, stage, s, team.index());
    } else if (stage.by == Runs::team) {
      run_team(job, stage, team);
    } else if (team.index() == 0 && !job.cancelled.load()) {
      job.guard([&] { run_leader(job.runner, plan_.program[stage.begin]); });
    }
    note_end(s, team.index());
  }
}

void CpuExecutor::run_team(Job& job, const Stage& stage, Team& team) {
  // Looked at by all between the same two meetings, and changed before the first of them: they
  // agree.
  if (job.cancelled.load(std::memory_order_relaxed)) return;
  if (channels()) {
    job.channel_runner->run(stage.begin, stage.end, team);
  } else {
    for (std::size_t i = stage.begin; i < stage.end; ++i) {
      run_on_kept(job.runner, plan_.program[i], team);
    }
  }
}

void CpuExecutor::note_begin(std::size_t stage, int worker) {
  if (Span* s = span(stage, worker)) s->begin = s->end = Clock::now();
}

void CpuExecutor::note_end(std::size_t stage, int worker) {
  if (Span* s = span(stage, worker)) s->end = Clock::now();
}

CpuExecutor::Span* CpuExecutor::span(std::size_t stage, int worker) {
  const std::size_t at = static_cast<std::size_t>(worker) * stages_.size() + stage;
  return at < spans_.size() ? &spans_[at] : nullptr;
}

std::vector<double> CpuExecutor::seconds() const {
  std::vector<double> result;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    Span whole = spans_[s];  // of the calling thread, which takes part in every stage
    for (std::size_t at = s; at < spans_.size(); at += stages_.size()) {
      if (spans_[at].begin == Clock::time_point{}) continue;  // a host layer's, or no such thread
      whole.begin = std::min(whole.begin, spans_[at].begin);
      whole.end = std::max(whole.end, spans_[at].end);
    }
    result.push_back(std::chrono::duration<double>(whole.end - whole.begin).count());
  }
  return result;
}

// Work is handed out in pieces: a partial sum with all its blocks in order, so that the sum does
// not depend on who does it; or single blocks where nothing is summed.
void CpuExecutor::run_blocks(Job& job, const Stage& stage, std::size_t stage_index, int worker) {
  // The pool may have grown since prepare(); a worker without an arena leaves the work to others.
  if (!plan_.has_barriers && worker >= arena_count_) return;
  const std::int64_t pieces = has_gradients_ ? slots_ : blocks_;
  std::atomic<std::int64_t>& next = job.next[stage_index];
  for (std::int64_t piece; (piece = next.fetch_add(1)) < pieces;) {
    for (std::int64_t b = piece; b < blocks_; b += pieces) run_block(job, stage, b, worker);
    // A partial sum is complete, and still in the cache.
    if (plan_.kind == PlanKind::train && stage_index == last_block_stage_) {
      for (Share stretch : in_parts_) check_gradient(job, piece, stretch);
    }
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
  const PartialSums sums = gradients().of(id, parameters_.offset(id));
  const std::int64_t size = element_count(graph_.parameters()[static_cast<std::size_t>(id)].shape);
  for (std::int64_t i = 0; i < size; ++i) {
    out[i] = sums.first[i];
    for (int s = 1; s < sums.count; ++s) out[i] += sums.first[s * sums.stride + i];
  }
}

}  // namespace pycnn
