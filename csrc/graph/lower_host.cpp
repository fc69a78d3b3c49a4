#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const HostOptions&) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(HostForward{group.node, x, y}, n.who(), {x}, {y}, true);
}

void lower_back(PlanBuilder& b, const Group& group, const HostOptions&) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  if (!b.wants_gradient(n.input())) {
    b.emit(HostBackward{group.node, dy, -1}, n.who(), {dy}, {}, true);
    return;
  }
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(HostBackward{group.node, dy, dx}, n.who(), {dy}, {dx}, true);
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
