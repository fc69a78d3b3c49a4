#include "graph/plan_builder.h"

namespace pycnn {
namespace {

ParameterId bias_of(const Node& node) {
  return node.parameters.size() > 1 ? node.parameters[1] : -1;
}

}  // namespace

void lower(PlanBuilder& b, const Group& group, const DenseOptions& options) {
  const Node& n = b.node(group);
  const DenseGeometry g = dense_geometry(b.shape(n.input()), options, n.who());
  const BufferId x = b.value(n.input()), y = b.make_value(group.output, n.name);
  b.emit(DenseForward{g, x, y, n.parameters[0], bias_of(n), group.relu}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const DenseOptions& options) {
  const Node& n = b.node(group);
  const DenseGeometry g = dense_geometry(b.shape(n.input()), options, n.who());
  const BufferId x = b.value(n.input());
  BufferId dz = b.gradient(group.output);
  if (group.relu) {
    const BufferId dy = dz, y = b.value(group.output);
    dz = b.new_buffer(b.shape(n.output), n.name + " gradient");
    b.emit(ActivationBackward{Activation::relu, dy, y, dz}, n.who(), {dy, y}, {dz});
  }
  const BufferId scratch =
      b.new_buffer({cpu::dense_scratch_row(g.outputs)}, n.name + " transposed gradient");
  b.emit(DenseBackwardParams{g, x, dz, scratch, n.parameters[0], bias_of(n)}, n.who(), {x, dz},
         {scratch});
  if (!b.wants_gradient(n.input())) return;
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(DenseBackwardInput{g, dz, dx, n.parameters[0]}, n.who(), {dz}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
