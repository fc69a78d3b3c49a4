// Ops that work element by element, and those that only look at the same elements differently.

#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const ActivationOptions& options) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(ActivationForward{options, x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const ActivationOptions& options) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  const BufferId saved = b.value(backward_reads_input(options.kind) ? n.input() : n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(ActivationBackward{options, dy, saved, dx}, n.who(), {dy, saved}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

void lower(PlanBuilder& b, const Group& group, const RescaleOptions& options) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(Rescale{options.scale, options.offset, x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const RescaleOptions& options) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(Rescale{options.scale, 0.0f, dy, dx}, n.who(), {dy}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

void lower(PlanBuilder& b, const Group& group, const FlattenOptions&) {
  const Node& n = b.node(group);
  b.make_reshaped_value(n.output, b.value(n.input()), n.who());
}

void lower_back(PlanBuilder& b, const Group& group, const FlattenOptions&) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  b.add_gradient(n.input(), b.reshaped(dy, b.shape(n.input()), {}, n.who()), n.who());
}

void lower(PlanBuilder& b, const Group& group, const ReshapeOptions&) {
  lower(b, group, FlattenOptions{});
}

void lower_back(PlanBuilder& b, const Group& group, const ReshapeOptions&) {
  lower_back(b, group, FlattenOptions{});
}

}  // namespace pycnn
