#include "graph/plan_builder.h"

namespace pycnn {
namespace {

ParameterId bias_of(const Node& node) {
  return node.parameters.size() > 1 ? node.parameters[1] : -1;
}

// dz: the gradient of the plain convolution's output, with the halo that backward_input reads.
BufferId output_gradient(PlanBuilder& b, const Group& group, const Halo& halo) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(group.output);
  const bool bare = !group.pool && !group.relu;
  if (bare && (!b.wants_halo(halo) || b.try_widen_halo(dy, halo))) return dy;
  const BufferId dz = b.new_buffer(b.shape(n.output), n.name + " gradient");
  b.widen_halo(dz, halo);
  if (group.pool) {
    const BufferId code = b.saved(group);
    b.emit(Conv2dPoolBackward{dy, code, dz}, n.who(), {dy, code}, {dz});
  } else if (group.relu) {
    const BufferId y = b.value(group.output);
    b.emit(ActivationBackward{Activation::relu, dy, y, dz}, n.who(), {dy, y}, {dz});
  } else {
    b.emit(Rescale{1.0f, 0.0f, dy, dz}, n.who(), {dy}, {dz});
  }
  return dz;
}

// Forward and backward of any convolution but for pooling; one with a channel in each group goes by
// the kernels of the depthwise one.
void lower_plain(PlanBuilder& b, const Group& group, const Conv2dGeometry& g, bool depthwise) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(group.output, n.name);
  const ParameterId kernel = n.parameters[0], bias = bias_of(n);
  if (depthwise) {
    b.emit(DepthwiseConv2dForward{g, x, y, kernel, bias, group.relu}, n.who(), {x}, {y});
  } else {
    b.emit(Conv2dForward{g, x, y, kernel, bias, group.relu}, n.who(), {x}, {y});
  }
}

void lower_gradients(PlanBuilder& b, const Group& group, const Conv2dGeometry& g, bool depthwise) {
  const Node& n = b.node(group);
  const bool needs_dx = b.wants_gradient(n.input());
  const BufferId x = b.value(n.input());
  const BufferId dz = output_gradient(b, group, needs_dx ? conv2d_gradient_halo(g) : Halo{});
  const ParameterId kernel = n.parameters[0], bias = bias_of(n);
  if (depthwise) {
    b.emit(DepthwiseConv2dBackwardParams{g, x, dz, kernel, bias}, n.who(), {x, dz}, {});
  } else {
    b.emit(Conv2dBackwardParams{g, x, dz, kernel, bias}, n.who(), {x, dz}, {});
  }
  if (!needs_dx) return;
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  if (depthwise) {
    b.emit(DepthwiseConv2dBackwardInput{g, dz, dx, kernel}, n.who(), {dz}, {dx});
  } else {
    b.emit(Conv2dBackwardInput{g, dz, dx, kernel}, n.who(), {dz}, {dx});
  }
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace

void lower(PlanBuilder& b, const Group& group, const Conv2dOptions& options) {
  const Node& n = b.node(group);
  const Conv2dGeometry g = conv2d_geometry(b.shape(n.input()), options, n.who());
  if (!group.pool) return lower_plain(b, group, g, is_depthwise(g));
  const BufferId x = b.value(n.input()), y = b.make_value(group.output, n.name);
  const BufferId code = b.new_buffer(b.shape(group.output), n.name + " pooling codes");
  b.buffer(code).element_size = 1;
  b.save(group, code);
  b.emit(Conv2dPoolForward{g, x, y, code, n.parameters[0], bias_of(n), group.relu}, n.who(), {x},
         {y, code});
}

void lower_back(PlanBuilder& b, const Group& group, const Conv2dOptions& options) {
  const Node& n = b.node(group);
  const Conv2dGeometry g = conv2d_geometry(b.shape(n.input()), options, n.who());
  lower_gradients(b, group, g, is_depthwise(g));
}

void lower(PlanBuilder& b, const Group& group, const DepthwiseConv2dOptions& options) {
  const Node& n = b.node(group);
  lower_plain(b, group, depthwise_conv2d_geometry(b.shape(n.input()), options, n.who()), true);
}

void lower_back(PlanBuilder& b, const Group& group, const DepthwiseConv2dOptions& options) {
  const Node& n = b.node(group);
  lower_gradients(b, group, depthwise_conv2d_geometry(b.shape(n.input()), options, n.who()), true);
}

}  // namespace pycnn
