#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const PermuteOptions& options) {
  const Node& n = b.node(group);
  const PermuteGeometry g = permute_geometry(b.shape(n.input()), options, n.who());
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(Permute{g, x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const PermuteOptions& options) {
  const Node& n = b.node(group);
  const PermuteGeometry g = permute_geometry(b.shape(n.input()), options, n.who());
  const BufferId dy = b.gradient(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(Permute{permute_inverse(g), dy, dx}, n.who(), {dy}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
