#pragma once
// The optimizer of a network: from the partial sums of a step to new weights, over the flat
// buffers. Penalties, then clipping, then the rule, as in Keras.

#include <vector>

#include "core/arena.h"
#include "core/thread_pool.h"
#include "graph/graph.h"
#include "runtime/optimizer_options.h"
#include "runtime/parameter_store.h"

namespace pycnn {

// The gradients that a step has left: of every parameter as partial sums, in flat buffers.
struct Gradients {
  PartialSums sums;
  // By parameter: whether the first sum is the whole gradient, and the others have none of it.
  const std::vector<bool>& whole;

  PartialSums of(ParameterId id, std::int64_t offset) const {
    const int count = whole[static_cast<std::size_t>(id)] ? 1 : sums.count;
    return {sums.first + offset, count, sums.stride};
  }
};

// Runs a rule's kernel; `step` counts from 1.
void apply_rule(const UpdateRule& rule, float learning_rate, std::int64_t step, const Stretch& s);

class Optimizer {
 public:
  // Throws like check_optimizer. The parameters must outlive the optimizer.
  Optimizer(const OptimizerOptions& options, const Graph& graph, ParameterStore& parameters);

  // Sum of the penalties of all weights as they are.
  double penalty() const;

  // One step, in this order. `begin` is called by one thread, `measure` and `apply` by all threads
  // of a team: measure before the barrier behind which the gradients are complete, apply after it,
  // and only when `finite` says so.
  void begin(float learning_rate);
  void measure(const Team& team);
  bool finite() const;  // the penalties that were measured
  void apply(Team& team, const Gradients& gradients);
  // What the weights cost before the step.
  double measured_penalty() const;

  // Steps done, and the rule's arrays one after another (empty before the first step).
  std::int64_t steps() const { return steps_; }
  std::vector<float> state() const;
  // Of an optimizer with the same rule for the same weights.
  void restore(const std::vector<float>& state, std::int64_t steps);

 private:
  // A short stretch of one parameter. Threads share pieces out, and sums go piece by piece, so
  // that they do not depend on the number of threads.
  struct Piece {
    ParameterId parameter;
    std::int64_t begin, size;
    int group;  // of pieces that have their norm in common
    Penalty penalty;
  };
  struct Group {
    std::size_t begin, end;  // pieces
  };
  struct Range {
    std::size_t begin, end;  // pieces
  };

  void cut(const Graph& graph);
  Range share(const Team& team) const;
  void collect(const Range& range, const Gradients& gradients);
  void update_summed(const Range& range, const Gradients& gradients);
  void clip(const Range& range);
  float factor(const Group& group, float limit) const;
  void update(std::int64_t begin, std::int64_t size, const PartialSums& gradient);

  OptimizerOptions options_;
  ParameterStore& parameters_;
  std::vector<Piece> pieces_;
  std::vector<Group> groups_;
  bool penalized_ = false;  // a piece has a penalty
  std::int64_t steps_ = 0;  // done; the one at hand is step_
  std::int64_t step_ = 0;
  float learning_rate_ = 0.0f;
  Arena state_;     // from the first step on
  Arena gradient_;  // the whole gradient, when it is more than its partial sums
  std::vector<double> penalties_, squares_;  // by piece
};

}  // namespace pycnn
