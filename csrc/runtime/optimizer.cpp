#include "runtime/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/overloaded.h"
#include "ops/cpu/kernels.h"

namespace pycnn {
namespace {

// Floats in a piece: a few KB, so that what one pass leaves in the cache the next one finds there.
constexpr std::int64_t kPiece = 2048;

bool penalizes(const Penalty& p) { return p.l1 != 0.0f || p.l2 != 0.0f; }

float* floats(Arena& arena) { return reinterpret_cast<float*>(arena.data()); }

Arena zeros(std::int64_t count) {
  Arena arena(static_cast<std::size_t>(checked_mul(std::max<std::int64_t>(count, 1), 4)));
  std::fill_n(floats(arena), count, 0.0f);
  return arena;
}

}  // namespace

void apply_rule(const UpdateRule& rule, float learning_rate, std::int64_t step, const Stretch& s) {
  const cpu::Kernels& k = cpu::kernels();
  std::visit(Overloaded{[&](const SgdOptions& o) { k.sgd->update(o, learning_rate, s); },
                        [&](const AdamOptions& o) {
                          k.adam->update(o, learning_rate, adam_rate(o, learning_rate, step), s);
                        },
                        [&](const RmspropOptions& o) { k.rmsprop->update(o, learning_rate, s); }},
             rule);
}

Optimizer::Optimizer(const OptimizerOptions& options, const Graph& graph,
                     ParameterStore& parameters)
    : options_(options), parameters_(parameters) {
  check_optimizer(options);
  cut(graph);
  penalties_.resize(pieces_.size());
  squares_.resize(pieces_.size());
}

void Optimizer::cut(const Graph& graph) {
  for (std::size_t i = 0; i < graph.parameters().size(); ++i) {
    const Parameter& p = graph.parameters()[i];
    if (!p.trainable) continue;
    penalized_ = penalized_ || penalizes(p.penalty);
    const std::int64_t begin = parameters_.offset(static_cast<ParameterId>(i));
    const std::int64_t vectors = (element_count(p.shape) + cpu::kLanes - 1) / cpu::kLanes;
    const std::int64_t end = begin + vectors * cpu::kLanes;
    const std::size_t first = pieces_.size();
    for (std::int64_t at = begin; at < end; at += kPiece) {
      pieces_.push_back({static_cast<ParameterId>(i), at, std::min(kPiece, end - at),
                         static_cast<int>(groups_.size()), p.penalty});
    }
    // With a norm of all gradients there is one group, of everything.
    if (options_.clipping.global_norm == 0.0f) groups_.push_back({first, pieces_.size()});
  }
  if (options_.clipping.global_norm > 0.0f) groups_.push_back({0, pieces_.size()});
}

// Pieces whose begin lies in the thread's equal share of the floats.
Optimizer::Range Optimizer::share(const Team& team) const {
  const auto first_from = [&](std::int64_t position) {
    const auto at =
        std::lower_bound(pieces_.begin(), pieces_.end(), position,
                         [](const Piece& p, std::int64_t value) { return p.begin < value; });
    return static_cast<std::size_t>(at - pieces_.begin());
  };
  const std::int64_t size = parameters_.trainable_size();
  return {first_from(size * team.index() / team.size()),
          first_from(size * (team.index() + 1) / team.size())};
}

// ---- penalties

double Optimizer::penalty() const {
  double sum = 0;
  for (const Piece& p : pieces_) {
    if (!penalizes(p.penalty)) continue;
    sum += cpu::kernels().gradient->penalty(p.penalty, parameters_.flat() + p.begin, p.size);
  }
  return sum;
}

void Optimizer::measure(const Team& team) {
  if (!penalized_) return;
  const Range range = share(team);
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const Piece& p = pieces_[i];
    if (!penalizes(p.penalty)) continue;
    penalties_[i] =
        cpu::kernels().gradient->penalty(p.penalty, parameters_.flat() + p.begin, p.size);
  }
}

double Optimizer::measured_penalty() const {
  double sum = 0;
  for (double p : penalties_) sum += p;
  return sum;
}

bool Optimizer::finite() const { return !penalized_ || std::isfinite(measured_penalty()); }

// ---- the step

void Optimizer::begin(float learning_rate) {
  check_learning_rate(learning_rate);
  learning_rate_ = learning_rate;
  step_ = steps_ + 1;
  const std::int64_t size = parameters_.trainable_size();
  const int arrays = state_arrays(options_.rule);
  if (arrays > 0 && state_.size() == 0) state_ = zeros(checked_mul(size, arrays));
  const Clipping& c = options_.clipping;
  const bool changed = penalized_ || c.norm > 0.0f || c.global_norm > 0.0f || c.value > 0.0f;
  if (changed && gradient_.size() == 0) gradient_ = zeros(size);
}

void Optimizer::apply(Team& team, const Gradients& gradients) {
  const Range range = share(team);
  if (gradient_.size() == 0) {
    update_summed(range, gradients);
  } else {
    collect(range, gradients);
    // The same for all threads, so that all meet here or none.
    if (options_.clipping.norm > 0.0f || options_.clipping.global_norm > 0.0f) team.barrier();
    clip(range);
    for (std::size_t i = range.begin; i < range.end; ++i) {
      update(pieces_[i].begin, pieces_[i].size, {floats(gradient_) + pieces_[i].begin, 1, 0});
    }
  }
  if (team.index() == 0) steps_ = step_;
}

// The rule on the sums as they are, in long stretches of as many sums: pieces lie one after
// another.
void Optimizer::update_summed(const Range& range, const Gradients& gradients) {
  for (std::size_t i = range.begin; i < range.end;) {
    const std::int64_t begin = pieces_[i].begin;
    const PartialSums sums = gradients.of(pieces_[i].parameter, begin);
    std::int64_t end = begin;
    for (; i < range.end && gradients.of(pieces_[i].parameter, 0).count == sums.count; ++i) {
      end += pieces_[i].size;
    }
    update(begin, end - begin, sums);
  }
}

void Optimizer::collect(const Range& range, const Gradients& gradients) {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const Piece& p = pieces_[i];
    squares_[i] = cpu::kernels().gradient->collect(gradients.of(p.parameter, p.begin), p.penalty,
                                                   parameters_.flat() + p.begin, p.size,
                                                   floats(gradient_) + p.begin);
  }
}

// What brings the norm of a group down to the limit: 1 for one that is below.
float Optimizer::factor(const Group& group, float limit) const {
  double squares = 0;
  for (std::size_t i = group.begin; i < group.end; ++i) squares += squares_[i];
  return static_cast<float>(double(limit) / std::max(std::sqrt(squares), double(limit)));
}

void Optimizer::clip(const Range& range) {
  const Clipping& c = options_.clipping;
  const cpu::GradientKernels& k = *cpu::kernels().gradient;
  const float limit = c.norm > 0.0f ? c.norm : c.global_norm;
  int group = -1;
  float scale = 1.0f;
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const Piece& p = pieces_[i];
    if (c.value > 0.0f) k.clip(floats(gradient_) + p.begin, p.size, c.value);
    if (limit == 0.0f) continue;
    if (p.group != group) {
      group = p.group;
      scale = factor(groups_[static_cast<std::size_t>(group)], limit);
    }
    if (scale != 1.0f) k.scale(floats(gradient_) + p.begin, p.size, scale);
  }
}

std::vector<float> Optimizer::state() const {
  if (state_.size() == 0) return {};
  const auto* first = reinterpret_cast<const float*>(state_.data());
  return {first, first + parameters_.trainable_size() * state_arrays(options_.rule)};
}

void Optimizer::restore(const std::vector<float>& state, std::int64_t steps) {
  Arena fresh;
  if (!state.empty()) {
    fresh = zeros(static_cast<std::int64_t>(state.size()));
    std::copy(state.begin(), state.end(), floats(fresh));
  }
  state_ = std::move(fresh);
  steps_ = steps;
}

void Optimizer::update(std::int64_t begin, std::int64_t size, const PartialSums& gradient) {
  float* state = state_.size() == 0 ? nullptr : floats(state_) + begin;
  apply_rule(options_.rule, learning_rate_, step_,
             {size, parameters_.flat() + begin, gradient, state, parameters_.trainable_size()});
}

}  // namespace pycnn
