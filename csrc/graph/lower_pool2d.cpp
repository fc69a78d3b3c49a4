#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const MaxPool2dOptions& options) {
  const Node& n = b.node(group);
  const WindowGeometry g = max_pool2d_geometry(b.shape(n.input()), options, n.who());
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(MaxPool2dForward{g, x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const MaxPool2dOptions& options) {
  const Node& n = b.node(group);
  const WindowGeometry g = max_pool2d_geometry(b.shape(n.input()), options, n.who());
  const BufferId dy = b.gradient(n.output), x = b.value(n.input()), y = b.value(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(MaxPool2dBackward{g, dy, x, y, dx}, n.who(), {dy, x, y}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

void lower(PlanBuilder& b, const Group& group, const AvgPool2dOptions& options) {
  const Node& n = b.node(group);
  const WindowGeometry g = avg_pool2d_geometry(b.shape(n.input()), options, n.who());
  const BufferId x = b.value(n.input()), y = b.make_value(n.output, n.name);
  b.emit(AvgPool2dForward{g, x, y}, n.who(), {x}, {y});
}

void lower_back(PlanBuilder& b, const Group& group, const AvgPool2dOptions& options) {
  const Node& n = b.node(group);
  const WindowGeometry g = avg_pool2d_geometry(b.shape(n.input()), options, n.who());
  const BufferId dy = b.gradient(n.output);
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  b.emit(AvgPool2dBackward{g, dy, dx}, n.who(), {dy}, {dx});
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace pycnn
