#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const ZeroPad2dOptions& options) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(ZeroPad2dForward{options.top, options.left, x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const ZeroPad2dOptions& options) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(ZeroPad2dBackward{options.top, options.left, dy, dx}, n.who(), {dy}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
