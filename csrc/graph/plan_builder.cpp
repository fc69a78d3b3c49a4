#include "graph/plan_builder.h"

#include <algorithm>
#include <utility>

namespace pycnn {
namespace {

ParameterId bias_of(const Node& node) {
  return node.parameters.size() > 1 ? node.parameters[1] : -1;
}

}  // namespace

PlanBuilder::PlanBuilder(const Graph& graph, PlanKind kind) : graph_(graph), kind_(kind) {
  plan_.kind = kind;
}

const Node& PlanBuilder::node(const Group& group) const {
  return graph_.nodes()[static_cast<std::size_t>(group.node)];
}

BufferId PlanBuilder::new_buffer(const Shape& shape, std::string name) {
  const BlockShape s = block_shape(shape);
  Buffer buffer;
  buffer.name = std::move(name);
  buffer.height = s.height;
  buffer.width = s.width;
  buffer.channels = s.channels;
  plan_.buffers.push_back(std::move(buffer));
  return static_cast<BufferId>(plan_.buffers.size()) - 1;
}

BufferId PlanBuilder::new_alias(BufferId of, const Shape& shape, std::string name) {
  const BufferId root = plan_.buffers[static_cast<std::size_t>(of)].alias_of;
  const BufferId id = new_buffer(shape, std::move(name));
  plan_.buffers[static_cast<std::size_t>(id)].alias_of = root >= 0 ? root : of;
  return id;
}

void PlanBuilder::widen_halo(BufferId id, const Halo& halo) {
  Halo& h = plan_.buffers[static_cast<std::size_t>(id)].halo;
  h.top = std::max(h.top, halo.top);
  h.bottom = std::max(h.bottom, halo.bottom);
  h.left = std::max(h.left, halo.left);
  h.right = std::max(h.right, halo.right);
}

void PlanBuilder::emit(Operation operation, const std::string& who,
                       std::initializer_list<BufferId> reads,
                       std::initializer_list<BufferId> writes) {
  Instruction i{std::move(operation), who, reads, writes, in_forward_, false};
  i.on_host = std::holds_alternative<HostForward>(i.operation) ||
              std::holds_alternative<HostBackward>(i.operation);
  plan_.has_host_layers |= i.on_host;
  plan_.program.push_back(std::move(i));
}

// ---- forward

void PlanBuilder::forward(const FusedGraph& fused) {
  float scale = 1.0f, offset = 0.0f;
  if (fused.input_rescale) {
    const Node& rescale = graph_.nodes()[static_cast<std::size_t>(*fused.input_rescale)];
    const auto& options = std::get<RescaleOptions>(rescale.options);
    scale = options.scale;
    offset = options.offset;
  }
  BufferId value = new_buffer(graph_.shape(fused.input), "input");
  emit(GatherRows{Stream::input, scale, offset, value}, "[Input]", {}, {value});
  for (const Group& group : fused.groups) {
    saved_.push_back(
        std::visit([&](const auto& o) { return lower(group, o, value); }, node(group).options));
    value = saved_.back().y;
  }
  output_ = value;
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const Conv2dOptions& o, BufferId x) {
  const Node& n = node(group);
  const Conv2dGeometry g = conv2d_geometry(graph_.shape(n.input), o, n.who());
  widen_halo(x, conv2d_input_halo(g));
  const BufferId y = new_buffer(graph_.shape(group.output), n.name + " output");
  if (!group.pool) {
    emit(Conv2dForward{g, x, y, n.parameters[0], bias_of(n), group.relu}, n.who(), {x}, {y});
    return {x, y};
  }
  const BufferId code = new_buffer(graph_.shape(group.output), n.name + " pooling codes");
  plan_.buffers[static_cast<std::size_t>(code)].element_size = 1;
  emit(Conv2dPoolForward{g, x, y, code, n.parameters[0], bias_of(n), group.relu}, n.who(), {x},
       {y, code});
  return {x, y, code};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const MaxPool2dOptions& o, BufferId x) {
  const Node& n = node(group);
  const BufferId y = new_buffer(graph_.shape(n.output), n.name + " output");
  emit(MaxPool2dForward{max_pool2d_geometry(graph_.shape(n.input), o, n.who()), x, y}, n.who(), {x},
       {y});
  return {x, y};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const AvgPool2dOptions& o, BufferId x) {
  const Node& n = node(group);
  const BufferId y = new_buffer(graph_.shape(n.output), n.name + " output");
  emit(AvgPool2dForward{avg_pool2d_geometry(graph_.shape(n.input), o, n.who()), x, y}, n.who(), {x},
       {y});
  return {x, y};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const DenseOptions& o, BufferId x) {
  const Node& n = node(group);
  const BufferId y = new_buffer(graph_.shape(group.output), n.name + " output");
  const DenseGeometry g = dense_geometry(graph_.shape(n.input), o, n.who());
  emit(DenseForward{g, x, y, n.parameters[0], bias_of(n), group.relu}, n.who(), {x}, {y});
  return {x, y};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const Activation& kind, BufferId x) {
  const Node& n = node(group);
  const BufferId y = new_buffer(graph_.shape(n.output), n.name + " output");
  emit(ActivationForward{kind, x, y}, n.who(), {x}, {y});
  return {x, y};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const FlattenOptions&, BufferId x) {
  const Node& n = node(group);
  return {x, new_alias(x, graph_.shape(n.output), n.name + " output")};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const RescaleOptions& o, BufferId x) {
  const Node& n = node(group);
  const BufferId y = new_buffer(graph_.shape(n.output), n.name + " output");
  emit(Rescale{o.scale, o.offset, x, y}, n.who(), {x}, {y});
  return {x, y};
}

PlanBuilder::Saved PlanBuilder::lower(const Group& group, const HostOptions&, BufferId x) {
  const Node& n = node(group);
  const BufferId y = new_buffer(graph_.shape(n.output), n.name + " output");
  emit(HostForward{group.node, x, y}, n.who(), {x}, {y});
  return {x, y};
}

// ---- the end of forward

void PlanBuilder::scatter_output(ValueId) {
  emit(ScatterRows{output_, Stream::output}, "[output]", {output_}, {});
}

void PlanBuilder::gather_output_gradient(ValueId value) {
  gradient_ = new_buffer(graph_.shape(value), "upstream gradient");
  in_forward_ = false;
  emit(GatherRows{Stream::output_gradient, 1.0f, 0.0f, gradient_}, "[upstream gradient]", {},
       {gradient_});
}

void PlanBuilder::loss(const LossSpec& spec) {
  const Shape& shape = graph_.shape(spec.predictions);
  LossStep step{spec.kind, output_, -1, -1};
  if (!spec.integer_labels) {
    step.rows = new_buffer(shape, "targets");
    emit(GatherRows{Stream::target, 1.0f, 0.0f, step.rows}, "[targets]", {}, {step.rows});
  }
  if (kind_ == PlanKind::train) {
    gradient_ = new_buffer(shape, "loss gradient");
    step.dz = gradient_;
  }
  Instruction i{step, "[loss]", {step.z}, {}, true, false};
  if (step.rows >= 0) i.reads.push_back(step.rows);
  if (step.dz >= 0) i.writes.push_back(step.dz);
  plan_.program.push_back(std::move(i));
  in_forward_ = false;
}

// ---- backward

void PlanBuilder::backward(const FusedGraph& fused) {
  in_forward_ = false;
  // How many groups from the front can do without a gradient of their input.
  std::size_t first = 0;
  if (kind_ == PlanKind::train) {
    while (first < fused.groups.size() && node(fused.groups[first]).parameters.empty()) ++first;
  }
  const bool wants_input_gradient = kind_ == PlanKind::gradient;
  for (std::size_t i = fused.groups.size(); i-- > first;) {
    const Group& group = fused.groups[i];
    const bool needs_dx = i > first || wants_input_gradient;
    gradient_ = std::visit(
        [&](const auto& o) { return lower_back(group, o, saved_[i], gradient_, needs_dx); },
        node(group).options);
  }
  if (!wants_input_gradient) return;
  if (fused.input_rescale) {
    gradient_ =
        rescale_gradient(graph_.nodes()[static_cast<std::size_t>(*fused.input_rescale)], gradient_);
  }
  emit(ScatterRows{gradient_, Stream::input_gradient}, "[input gradient]", {gradient_}, {});
}

// dz: the gradient of the plain convolution's output, with the halo that backward_input reads.
BufferId PlanBuilder::conv2d_output_gradient(const Group& group, const Conv2dGeometry& g,
                                             const Saved& s, BufferId dy, bool needs_dx) {
  const Node& n = node(group);
  const Halo halo = needs_dx ? conv2d_gradient_halo(g) : Halo{};
  const bool bare = !group.pool && !group.relu && halo.left == 0 && halo.right == 0;
  if (bare) return dy;
  const BufferId dz = new_buffer(graph_.shape(n.output), n.name + " gradient");
  widen_halo(dz, halo);
  if (group.pool) {
    emit(Conv2dPoolBackward{dy, s.code, dz}, n.who(), {dy, s.code}, {dz});
  } else if (group.relu) {
    emit(ActivationBackward{Activation::relu, dy, s.y, dz}, n.who(), {dy, s.y}, {dz});
  } else {
    emit(Rescale{1.0f, 0.0f, dy, dz}, n.who(), {dy}, {dz});
  }
  return dz;
}

BufferId PlanBuilder::lower_back(const Group& group, const Conv2dOptions& o, const Saved& s,
                                 BufferId dy, bool needs_dx) {
  const Node& n = node(group);
  const Conv2dGeometry g = conv2d_geometry(graph_.shape(n.input), o, n.who());
  const BufferId dz = conv2d_output_gradient(group, g, s, dy, needs_dx);
  emit(Conv2dBackwardParams{g, s.x, dz, n.parameters[0], bias_of(n)}, n.who(), {s.x, dz}, {});
  if (!needs_dx) return -1;
  const BufferId dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  emit(Conv2dBackwardInput{g, dz, dx, n.parameters[0]}, n.who(), {dz}, {dx});
  return dx;
}

BufferId PlanBuilder::lower_back(const Group& group, const MaxPool2dOptions& o, const Saved& s,
                                 BufferId dy, bool) {
  const Node& n = node(group);
  const BufferId dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  const WindowGeometry g = max_pool2d_geometry(graph_.shape(n.input), o, n.who());
  emit(MaxPool2dBackward{g, dy, s.x, s.y, dx}, n.who(), {dy, s.x, s.y}, {dx});
  return dx;
}

BufferId PlanBuilder::lower_back(const Group& group, const AvgPool2dOptions& o, const Saved&,
                                 BufferId dy, bool) {
  const Node& n = node(group);
  const BufferId dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  const WindowGeometry g = avg_pool2d_geometry(graph_.shape(n.input), o, n.who());
  emit(AvgPool2dBackward{g, dy, dx}, n.who(), {dy}, {dx});
  return dx;
}

BufferId PlanBuilder::lower_back(const Group& group, const DenseOptions& o, const Saved& s,
                                 BufferId dy, bool needs_dx) {
  const Node& n = node(group);
  const DenseGeometry g = dense_geometry(graph_.shape(n.input), o, n.who());
  BufferId dz = dy;
  if (group.relu) {
    dz = new_buffer(graph_.shape(n.output), n.name + " gradient");
    emit(ActivationBackward{Activation::relu, dy, s.y, dz}, n.who(), {dy, s.y}, {dz});
  }
  const BufferId scratch =
      new_buffer({cpu::dense_scratch_row(g.outputs)}, n.name + " transposed gradient");
  emit(DenseBackwardParams{g, s.x, dz, scratch, n.parameters[0], bias_of(n)}, n.who(), {s.x, dz},
       {scratch});
  if (!needs_dx) return -1;
  const BufferId dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  emit(DenseBackwardInput{g, dz, dx, n.parameters[0]}, n.who(), {dz}, {dx});
  return dx;
}

BufferId PlanBuilder::lower_back(const Group& group, const Activation& kind, const Saved& s,
                                 BufferId dy, bool) {
  const Node& n = node(group);
  const BufferId dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  emit(ActivationBackward{kind, dy, s.y, dx}, n.who(), {dy, s.y}, {dx});
  return dx;
}

BufferId PlanBuilder::lower_back(const Group& group, const FlattenOptions&, const Saved&,
                                 BufferId dy, bool) {
  const Node& n = node(group);
  return new_alias(dy, graph_.shape(n.input), n.name + " input gradient");
}

BufferId PlanBuilder::rescale_gradient(const Node& n, BufferId dy) {
  const BufferId dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  const float scale = std::get<RescaleOptions>(n.options).scale;
  emit(Rescale{scale, 0.0f, dy, dx}, n.who(), {dy}, {dx});
  return dx;
}

BufferId PlanBuilder::lower_back(const Group& group, const RescaleOptions&, const Saved&,
                                 BufferId dy, bool) {
  return rescale_gradient(node(group), dy);
}

BufferId PlanBuilder::lower_back(const Group& group, const HostOptions&, const Saved&, BufferId dy,
                                 bool needs_dx) {
  const Node& n = node(group);
  BufferId dx = -1;
  if (needs_dx) dx = new_buffer(graph_.shape(n.input), n.name + " input gradient");
  HostBackward op{group.node, dy, dx};
  if (needs_dx) {
    emit(op, n.who(), {dy}, {dx});
  } else {
    emit(op, n.who(), {dy}, {});
  }
  return dx;
}

}  // namespace pycnn
