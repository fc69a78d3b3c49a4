// Augmentation changes pictures in training; otherwise it cuts out the window in the middle, or
// does nothing at all.

#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const AugmentOptions& options) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input());
  if (b.is_identity(n)) return b.make_same_value(n.output, x);
  const AugmentGeometry g = augment_geometry(b.shape(n.input()), options, n.who());
  const BufferId y = b.make_value(n.output, n.name);
  b.emit(AugmentForward{g, group.node, b.training(), x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const AugmentOptions& options) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  if (b.is_identity(n)) return b.add_gradient(n.input(), dy, n.who());
  const AugmentGeometry g = augment_geometry(b.shape(n.input()), options, n.who());
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(AugmentBackward{g, group.node, b.training(), dy, dx}, n.who(), {dy}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
