#include "graph/plan_builder.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace pycnn {

PlanBuilder::PlanBuilder(const Graph& graph, PlanKind kind, FusedGraph fused, Device device,
                         Lanes lanes)
    : graph_(graph), fused_(std::move(fused)), device_(device) {
  plan_.kind = kind;
  plan_.lanes = lanes;
  const auto values = static_cast<std::size_t>(graph.value_count());
  halos_.resize(values);
  wanted_.resize(values);
  values_.assign(values, -1);
  gradients_.assign(values, -1);
  saved_.assign(graph.nodes().size(), -1);
  if (device_ == Device::cpu) find_halos();
  find_wanted_gradients();
}

namespace {

void widen(Halo& h, const Halo& halo) {
  h.top = std::max(h.top, halo.top);
  h.bottom = std::max(h.bottom, halo.bottom);
  h.left = std::max(h.left, halo.left);
  h.right = std::max(h.right, halo.right);
}

bool has_halo(const Halo& h) { return h.top + h.bottom + h.left + h.right > 0; }

}  // namespace

bool PlanBuilder::is_identity(const Node& node) const {
  if (const auto* dropout = std::get_if<DropoutOptions>(&node.options)) {
    return !training() || dropout->rate == 0.0f;
  }
  const auto* augment = std::get_if<AugmentOptions>(&node.options);
  return augment != nullptr &&
         augment_is_identity(augment_geometry(shape(node.input()), *augment, node.who()),
                             training());
}

// Convolutions read zeros around their input: the widest of its readers decides for a value. From
// the back, since a node that does nothing hands its readers' wishes on.
void PlanBuilder::find_halos() {
  for (std::size_t i = fused_.groups.size(); i-- > 0;) {
    const Node& n = node(fused_.groups[i]);
    if (is_identity(n)) {
      widen(halos_[static_cast<std::size_t>(n.input())],
            halos_[static_cast<std::size_t>(n.output)]);
    }
    std::optional<Conv2dGeometry> g;
    if (const auto* conv = std::get_if<Conv2dOptions>(&n.options)) {
      g = conv2d_geometry(shape(n.input()), *conv, n.who());
    } else if (const auto* depthwise = std::get_if<DepthwiseConv2dOptions>(&n.options)) {
      g = depthwise_conv2d_geometry(shape(n.input()), *depthwise, n.who());
    }
    if (g) widen(halos_[static_cast<std::size_t>(n.input())], conv2d_input_halo(*g));
  }
}

// A value's gradient is wanted when trainable weights, or an input whose gradient is asked for,
// lie behind it.
void PlanBuilder::find_wanted_gradients() {
  for (ValueId v : graph_.inputs()) {
    wanted_[static_cast<std::size_t>(v)] = wants_input_gradients();
  }
  for (const Node& n : graph_.nodes()) {
    bool wanted = false;
    for (ValueId x : n.inputs) wanted = wanted || wants_gradient(x);
    for (ParameterId p : n.parameters) {
      wanted = wanted || graph_.parameters()[static_cast<std::size_t>(p)].trainable;
    }
    wanted_[static_cast<std::size_t>(n.output)] = wanted;
  }
}

const Node& PlanBuilder::node(const Group& group) const {
  return graph_.nodes()[static_cast<std::size_t>(group.node)];
}

// ---- buffers and instructions

BufferId PlanBuilder::new_buffer(const Shape& shape, std::string name) {
  const BlockShape s = block_shape(shape);
  Buffer buffer;
  buffer.name = std::move(name);
  buffer.height = s.height;
  buffer.width = s.width;
  buffer.channels = s.channels;
  buffer.lanes = plan_.lanes;
  plan_.buffers.push_back(std::move(buffer));
  return static_cast<BufferId>(plan_.buffers.size()) - 1;
}

BufferId PlanBuilder::new_alias(BufferId of, const Shape& shape, std::string name) {
  const BufferId root = buffer(of).alias_of;
  const BufferId id = new_buffer(shape, std::move(name));
  buffer(id).alias_of = root >= 0 ? root : of;
  return id;
}

bool PlanBuilder::wants_halo(const Halo& halo) const {
  return device_ == Device::cpu && has_halo(halo);
}

void PlanBuilder::widen_halo(BufferId id, const Halo& halo) {
  if (device_ == Device::cpu) widen(buffer(id).halo, halo);
}

bool PlanBuilder::try_widen_halo(BufferId id, const Halo& halo) {
  const auto is_alias = [&](const Buffer& b) { return b.alias_of == id; };
  const auto writes_it_flat = [&](const Instruction& i) {
    const auto* loss = std::get_if<LossStep>(&i.operation);
    return loss != nullptr && loss->dz == id;
  };
  if (buffer(id).alias_of >= 0 || std::ranges::any_of(plan_.buffers, is_alias) ||
      std::ranges::any_of(plan_.program, writes_it_flat)) {
    return false;
  }
  widen_halo(id, halo);
  return true;
}

void PlanBuilder::emit(Operation operation, const std::string& who,
                       std::initializer_list<BufferId> reads,
                       std::initializer_list<BufferId> writes, bool barrier) {
  Instruction i{std::move(operation), who, reads, writes, in_forward_, accumulates_, barrier};
  std::erase(i.reads, -1);
  std::erase(i.writes, -1);
  plan_.program.push_back(std::move(i));
  plan_.has_barriers |= barrier;
}

void PlanBuilder::emit_last(Operation operation, const std::string& who,
                            std::initializer_list<BufferId> reads) {
  last_.push_back({std::move(operation), who, reads, {}, in_forward_, accumulates_, false});
}

// A flat buffer of a block, image by image.
BufferId PlanBuilder::keep_rows(BufferId x, std::string name, const std::string& who) {
  const Buffer& from = buffer(x);
  const BufferId y = new_buffer({from.height, from.width, from.channels}, std::move(name));
  buffer(y).lanes = Lanes::channels;
  buffer(y).kept = true;
  emit(KeepRows{x, y}, who, {x}, {y});
  return y;
}

Plan PlanBuilder::take() {
  std::ranges::move(last_, std::back_inserter(plan_.program));
  return std::move(plan_);
}

BufferId PlanBuilder::make_value(ValueId v, const std::string& layer) {
  const BufferId id = new_buffer(shape(v), layer + " output");
  widen_halo(id, halos_[static_cast<std::size_t>(v)]);
  values_[static_cast<std::size_t>(v)] = id;
  return id;
}

namespace {

// Whether the elements have the same places in memory under both shapes: with the channels in the
// lanes every pixel is filled up to whole vectors.
bool pack_alike(const Buffer& from, const Shape& to) {
  if (from.lanes == Lanes::images) return true;
  const int channels = block_shape(to).channels;
  return from.channels == channels ||
         (from.channels % cpu::kLanes == 0 && channels % cpu::kLanes == 0);
}

}  // namespace

BufferId PlanBuilder::reshaped(BufferId x, const Shape& shape, const Halo& halo,
                               const std::string& who) {
  const bool from_halo = buffer(x).has_halo(), to_halo = has_halo(halo);
  const Buffer& from = buffer(x);
  const Shape from_shape{from.height, from.width, from.channels};
  if (from_halo) {
    // Out of the halo: a contiguous copy, seen under the old shape while it is written.
    const BufferId flat = new_buffer(from_shape, who + " copy");
    emit(Rescale{1.0f, 0.0f, x, flat}, who, {x}, {flat});
    x = flat;
  }
  if (!pack_alike(buffer(x), shape)) {
    const BufferId y = new_buffer(shape, who + " repacked");
    widen_halo(y, halo);
    emit(Repack{x, y}, who, {x}, {y});
    return y;
  }
  const BufferId seen = new_alias(x, shape, who + " reshaped");
  if (!to_halo) return seen;
  const BufferId y = new_buffer(shape, who + " output");
  widen_halo(y, halo);
  emit(Rescale{1.0f, 0.0f, seen, y}, who, {seen}, {y});
  return y;
}

void PlanBuilder::make_reshaped_value(ValueId v, BufferId x, const std::string& who) {
  values_[static_cast<std::size_t>(v)] =
      reshaped(x, shape(v), halos_[static_cast<std::size_t>(v)], who);
}

void PlanBuilder::add_gradient(ValueId v, BufferId part, const std::string& who) {
  BufferId& gradient = gradients_[static_cast<std::size_t>(v)];
  if (gradient < 0) {
    gradient = part;
    return;
  }
  // Never in place: a part may serve several values (both sides of an Add).
  const BufferId sum = new_buffer(shape(v), who + " summed gradient");
  emit(Add{gradient, part, sum, false}, who, {gradient, part}, {sum});
  gradient = sum;
}

BufferId PlanBuilder::gradient_before_relu(const Group& group) {
  const BufferId dy = gradient(group.output), y = value(group.output);
  if (!group.relu) return dy;
  const Node& n = node(group);
  const BufferId dz = new_buffer(shape(n.output), n.name + " gradient");
  emit(ActivationBackward{Activation::relu, dy, y, dz}, n.who(), {dy, y}, {dz});
  return dz;
}

// ---- the steps of make_plan

void PlanBuilder::gather_inputs() {
  for (const FusedInput& input : fused_.inputs) {
    RescaleOptions before, after;
    const Node* augment = nullptr;
    for (int index : input.nodes) {
      const Node& n = graph_.nodes()[static_cast<std::size_t>(index)];
      if (const auto* rescale = std::get_if<RescaleOptions>(&n.options)) {
        (augment != nullptr ? after : before) = *rescale;
      } else if (!is_identity(n)) {
        augment = &n;
      }
    }
    const BufferId y = make_value(input.value, "input");
    if (augment == nullptr) {
      emit(GatherRows{Stream::input, input.index, before.scale, before.offset, y}, "[Input]", {},
           {y});
      continue;
    }
    const auto g = augment_geometry(shape(augment->input()),
                                    std::get<AugmentOptions>(augment->options), augment->who());
    emit(AugmentGather{g, graph_.producer(augment->output), training(), input.index, before, after,
                       y},
         augment->who(), {}, {y});
  }
}

void PlanBuilder::forward() {
  gather_inputs();
  for (const Group& group : fused_.groups) {
    std::visit([&](const auto& options) { lower(*this, group, options); }, node(group).options);
  }
}

void PlanBuilder::scatter_outputs(const std::vector<ValueId>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const BufferId x = value(values[i]);
    emit(ScatterRows{x, Stream::output, static_cast<int>(i)}, "[output]", {x}, {});
  }
}

void PlanBuilder::gather_output_gradients(const std::vector<ValueId>& values) {
  in_forward_ = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const BufferId dy = new_buffer(shape(values[i]), "upstream gradient");
    const std::string who = "[upstream gradient]";
    emit(GatherRows{Stream::output_gradient, static_cast<int>(i), 1.0f, 0.0f, dy}, who, {}, {dy});
    add_gradient(values[i], dy, who);
  }
}

void PlanBuilder::losses(const std::vector<LossSpec>& specs) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const LossSpec& spec = specs[i];
    const int index = static_cast<int>(i);
    const Shape& s = shape(spec.predictions);
    // The loss kernels read one flat row per image: out of a halo, should there be one.
    const BufferId z = reshaped(value(spec.predictions), {element_count(s)}, {}, "[loss]");
    LossStep step{index, spec.kind, spec.weight, z, -1, -1};
    std::vector<BufferId> reads{z}, writes;
    if (!spec.integer_labels) {
      step.rows = new_buffer(s, "targets");
      emit(GatherRows{Stream::target, index, 1.0f, 0.0f, step.rows}, "[targets]", {}, {step.rows});
      reads.push_back(step.rows);
    }
    if (training()) {
      step.dz = new_buffer(s, "loss gradient");
      writes.push_back(step.dz);
    }
    plan_.program.push_back({step, "[loss]", reads, writes, true, false, false});
    // The gradients meet only after all losses are done: these buffers wait until then.
    if (step.dz >= 0) add_gradient(spec.predictions, step.dz, "[loss]");
  }
  in_forward_ = false;
}

void PlanBuilder::backward() {
  in_forward_ = false;
  std::vector<bool> written(graph_.parameters().size());
  for (std::size_t i = fused_.groups.size(); i-- > 0;) {
    const Group& group = fused_.groups[i];
    // No loss behind it, or nothing in front of it that learns.
    if (gradient(group.output) < 0 || !wants_gradient(group.output)) continue;
    const Node& n = node(group);
    // Weights are shared by whole nodes: the first tells for all.
    accumulates_ = !n.parameters.empty() && written[static_cast<std::size_t>(n.parameters.front())];
    std::visit([&](const auto& options) { lower_back(*this, group, options); }, n.options);
    for (ParameterId p : n.parameters) written[static_cast<std::size_t>(p)] = true;
  }
  accumulates_ = false;
  if (!wants_input_gradients()) return;
  for (const FusedInput& input : fused_.inputs) {
    if (gradient(input.value) < 0) continue;
    for (std::size_t i = input.nodes.size(); i-- > 0;) {
      const Group group{input.nodes[i]};
      std::visit([&](const auto& options) { lower_back(*this, group, options); },
                 node(group).options);
    }
    const BufferId dx = gradient(graph_.inputs()[static_cast<std::size_t>(input.index)]);
    emit(ScatterRows{dx, Stream::input_gradient, input.index}, "[input gradient]", {dx}, {});
  }
}

}  // namespace pycnn
