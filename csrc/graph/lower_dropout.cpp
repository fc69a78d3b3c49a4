// Dropout works in training alone; otherwise its output is its input: no instruction, no copy.

#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const DropoutOptions& options) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input());
  if (b.is_identity(n)) return b.make_same_value(n.output, x);
  const BufferId y = b.make_value(n.output, n.name);
  const BufferId mask = b.new_buffer(b.shape(n.output), n.name + " mask");
  b.buffer(mask).element_size = 1;
  b.save(group, mask);
  b.emit(DropoutForward{options, group.node, x, y, mask}, n.who(), {x}, {y, mask});
}

void lower_back(PlanBuilder& b, const Group& group, const DropoutOptions& options) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  if (b.is_identity(n)) return b.add_gradient(n.input(), dy, n.who());
  const BufferId mask = b.saved(group);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(DropoutBackward{options, dy, mask, dx}, n.who(), {dy, mask}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
