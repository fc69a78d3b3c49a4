#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const LocalResponseNormOptions& options) {
  const Node& n = b.node(group);
  const auto g = local_response_norm_geometry(b.shape(n.input()), options);
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(LocalResponseNormForward{g, x, y}, n.who(), {x}, {y});
}

// The sums are cheaper to take again than to keep.
void lower_back(PlanBuilder& b, const Group& group, const LocalResponseNormOptions& options) {
  const Node& n = b.node(group);
  const auto g = local_response_norm_geometry(b.shape(n.input()), options);
  const BufferId dy = b.gradient(n.output), x = b.value(n.input());
  const BufferId scratch = b.new_buffer({b.shape(n.input()).back()}, n.name + " scratch");
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(LocalResponseNormBackward{g, dy, x, scratch, dx}, n.who(), {dy, x}, {scratch, dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
