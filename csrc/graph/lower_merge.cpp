#include "core/error.h"
#include "graph/plan_builder.h"

namespace pycnn {

void lower(PlanBuilder& b, const Group& group, const AddOptions&) {
  const Node& n = b.node(group);
  BufferId sum = b.value(n.inputs[0]);
  for (std::size_t i = 1; i < n.inputs.size(); ++i) {
    const BufferId x = b.value(n.inputs[i]), before = sum;
    const bool last = i + 1 == n.inputs.size();
    sum = last ? b.make_value(group.output, n.name)
               : b.new_buffer(b.shape(n.output), n.name + " partial sum");
    b.emit(Add{before, x, sum, last && group.relu}, n.who(), {before, x}, {sum});
  }
}

void lower_back(PlanBuilder& b, const Group& group, const AddOptions&) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient_before_relu(group);
  for (ValueId x : n.inputs) {
    if (b.wants_gradient(x)) b.add_gradient(x, dy, n.who());
  }
}

namespace {

// Where the part that starts at `at` along the axis lies in the block layout.
cpu::ConcatOffset offset(const Shape& shape, int axis, std::int64_t at) {
  const int from_end = static_cast<int>(shape.size()) - 1 - axis;
  cpu::ConcatOffset offset;
  if (from_end == 0) offset.channels = static_cast<int>(at);
  if (from_end == 1) offset.width = static_cast<int>(at);
  if (from_end >= 2) {
    // The leading dimensions lie one after another in the height; only the first can be extended.
    std::int64_t rows = 1;
    for (std::size_t i = 1; i + 2 < shape.size(); ++i) rows *= shape[i];
    offset.height = static_cast<int>(at * rows);
  }
  return offset;
}

}  // namespace

void lower(PlanBuilder& b, const Group& group, const ConcatOptions& options) {
  const Node& n = b.node(group);
  const BufferId y = b.make_value(n.output, n.name);
  std::int64_t at = 0;
  for (ValueId v : n.inputs) {
    const BufferId x = b.value(v);
    b.emit(ConcatForward{offset(b.shape(v), options.axis, at), x, y}, n.who(), {x}, {y});
    at += b.shape(v)[static_cast<std::size_t>(options.axis)];
  }
}

void lower_back(PlanBuilder& b, const Group& group, const ConcatOptions& options) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(n.output);
  std::int64_t at = 0;
  for (ValueId v : n.inputs) {
    if (b.wants_gradient(v)) {
      const BufferId dx = b.new_buffer(b.shape(v), n.name + " input gradient");
      b.emit(ConcatBackward{offset(b.shape(v), options.axis, at), dy, dx}, n.who(), {dy}, {dx});
      b.add_gradient(v, dx, n.who());
    }
    at += b.shape(v)[static_cast<std::size_t>(options.axis)];
  }
}

}  // namespace pycnn
