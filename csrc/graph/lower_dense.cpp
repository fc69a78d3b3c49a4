#include "graph/plan_builder.h"

namespace pycnn {
namespace {

ParameterId bias_of(const Node& node) {
  return node.parameters.size() > 1 ? node.parameters[1] : -1;
}

// The weights' gradient is as large as the weights: summed once for the whole batch, not block by
// block.
void lower_params(PlanBuilder& b, const Node& n, const DenseGeometry& g, BufferId x, BufferId dz) {
  if (b.device() == Device::cpu && b.lanes() == Lanes::images) {
    const BufferId inputs = b.keep_rows(x, n.name + " input, image by image", n.who());
    const BufferId gradients = b.keep_rows(dz, n.name + " gradient, image by image", n.who());
    b.emit_last(DenseBackwardParams{g, inputs, gradients, n.parameters[0], bias_of(n)}, n.who(),
                {inputs, gradients});
    return;
  }
  b.emit(DenseBackwardParams{g, x, dz, n.parameters[0], bias_of(n)}, n.who(), {x, dz}, {});
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
  const BufferId dz = b.gradient_before_relu(group);
  lower_params(b, n, g, x, dz);
  if (!b.wants_gradient(n.input())) return;
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(DenseBackwardInput{g, dz, dx, n.parameters[0]}, n.who(), {dz}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
