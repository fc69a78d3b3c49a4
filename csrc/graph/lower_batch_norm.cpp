#include "graph/plan_builder.h"

namespace pycnn {
namespace {

// The node's weights: gamma and beta where it has them, then the moving statistics.
struct Weights {
  ParameterId gamma = -1, beta = -1, moving_mean = -1, moving_variance = -1;
  Weights(const Node& n, const BatchNormOptions& options) {
    std::size_t next = 0;
    if (options.scale) gamma = n.parameters[next++];
    if (options.center) beta = n.parameters[next++];
    moving_mean = n.parameters[next++];
    moving_variance = n.parameters[next];
  }
};

// Two numbers per channel for every block: the first of all channels in one row, the second of all
// in the next.
BufferId new_pairs(PlanBuilder& b, int channels, const std::string& name) {
  const BufferId id = b.new_buffer({2, channels}, name);
  b.buffer(id).per_image = false;
  return id;
}

}  // namespace

void lower(PlanBuilder& b, const Group& group, const BatchNormOptions& options) {
  const Node& n = b.node(group);
  const Weights w(n, options);
  const BlockShape s = block_shape(b.shape(n.output));
  const BufferId x = b.value(n.input()), y = b.make_value(group.output, n.name);
  const BufferId statistics = new_pairs(b, s.channels, n.name + " statistics");
  b.save(group, statistics);
  if (b.training()) {
    const BufferId partial = new_pairs(b, s.channels, n.name + " statistics of a block");
    const std::int64_t positions = std::int64_t{s.height} * s.width;
    b.emit(BatchNormStatistics{x, partial}, n.who(), {x}, {partial});
    b.emit(BatchNormCombine{options, positions, s.channels, partial, statistics, w.moving_mean,
                            w.moving_variance},
           n.who(), {partial}, {statistics}, true);
  } else {
    b.emit(BatchNormMoving{options, s.channels, w.moving_mean, w.moving_variance, statistics},
           n.who(), {}, {statistics});
  }
  b.emit(BatchNormForward{x, statistics, y, w.gamma, w.beta, group.relu}, n.who(), {x, statistics},
         {y});
}

void lower_back(PlanBuilder& b, const Group& group, const BatchNormOptions& options) {
  const Node& n = b.node(group);
  const Weights w(n, options);
  const BlockShape s = block_shape(b.shape(n.output));
  const BufferId dy = b.gradient(group.output), x = b.value(n.input()), statistics = b.saved(group);
  const BufferId partial = new_pairs(b, s.channels, n.name + " gradient sums of a block");
  const BufferId means = new_pairs(b, s.channels, n.name + " gradient means");
  b.emit(BatchNormBackwardSums{dy, x, statistics, partial, w.gamma, w.beta, group.relu}, n.who(),
         {dy, x, statistics}, {partial});
  b.emit(BatchNormBackwardCombine{std::int64_t{s.height} * s.width, s.channels, partial, means,
                                  w.gamma, w.beta, b.accumulates()},
         n.who(), {partial}, {means}, true);
  if (!b.wants_gradient(n.input())) return;
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  // Outside training the statistics are constants, and the batch's means take no part.
  const BufferId own = b.training() ? means : -1;
  b.emit(BatchNormBackwardInput{dy, x, statistics, own, dx, w.gamma, w.beta, group.relu}, n.who(),
         {dy, x, statistics, own}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
