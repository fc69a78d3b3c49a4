#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const GlobalAvgPool2dOptions&) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(GlobalAvgPool2dForward{x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const GlobalAvgPool2dOptions&) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(GlobalAvgPool2dBackward{dy, dx}, n.who(), {dy}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

void lower(PlanBuilder& b, const Group& group, const GlobalMaxPool2dOptions&) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(GlobalMaxPool2dForward{x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const GlobalMaxPool2dOptions&) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output), x = b.value(n.input()), y = b.value(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(GlobalMaxPool2dBackward{dy, x, y, dx}, n.who(), {dy, x, y}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
