#include "graph/graph.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/overloaded.h"
#include "graph/receptive_field.h"
#include "ops/flatten.h"

namespace pycnn {
namespace {

std::string who(const std::string& kind, const std::string& name) {
  return name.empty() ? "[" + kind + "]" : "[" + kind + " '" + name + "']";
}

std::string kind_of(const NodeOptions& options) {
  return std::visit(
      Overloaded{[](const Conv2dOptions&) { return "Conv2D"; },
                 [](const DepthwiseConv2dOptions&) { return "DepthwiseConv2D"; },
                 [](const MaxPool2dOptions&) { return "MaxPooling2D"; },
                 [](const AvgPool2dOptions&) { return "AveragePooling2D"; },
                 [](const DenseOptions&) { return "Dense"; },
                 [](const AddOptions&) { return "Add"; },
                 [](const ConcatOptions&) { return "Concatenate"; },
                 [](const BatchNormOptions&) { return "BatchNormalization"; },
                 [](const GlobalAvgPool2dOptions&) { return "GlobalAveragePooling2D"; },
                 [](const GlobalMaxPool2dOptions&) { return "GlobalMaxPooling2D"; },
                 [](const ZeroPad2dOptions&) { return "ZeroPadding2D"; },
                 [](const ReshapeOptions&) { return "Reshape"; },
                 [](const PermuteOptions&) { return "Permute"; },
                 [](const LocalResponseNormOptions&) { return "LocalResponseNormalization"; },
                 [](const DropoutOptions&) { return "Dropout"; },
                 [](const AugmentOptions&) { return "Augmentation"; },
                 [](const FlattenOptions&) { return "Flatten"; },
                 [](const RescaleOptions&) { return "Rescaling"; },
                 [](const HostOptions&) { return "PythonLayer"; },
                 [](const ActivationOptions& o) { return activation_kind(o.kind); }},
      options);
}

// A block of 16 images in float32 must be addressable; larger shapes are refused here, before
// anything is allocated.
void check_shape(const Shape& shape, const std::string& who, const char* where = "per image") {
  if (shape.empty()) throw ValueError(who + " shape must have at least one dimension; got ()");
  std::int64_t elements = 1;
  for (std::int64_t d : shape) {
    if (d < 1) {
      throw ValueError(who + " every dimension must be at least 1; got " + to_string(shape));
    }
    elements = checked_mul(elements, d);
    if (elements > std::numeric_limits<std::int32_t>::max()) {
      throw ValueError(who + " more than 2^31 elements " + where +
                       " are not supported; got shape " + to_string(shape));
    }
  }
}

}  // namespace

std::string Node::kind() const { return kind_of(options); }
std::string Node::who() const { return pycnn::who(kind(), name); }

Graph::Graph(Shape input_shape) { add_input(std::move(input_shape)); }

ValueId Graph::add_input(Shape shape, std::string name) {
  check_shape(shape, pycnn::who("Input", name));
  values_.push_back({std::move(shape), -1});
  inputs_.push_back(value_count() - 1);
  return inputs_.back();
}

const Shape& Graph::shape(ValueId value) const {
  if (value < 0 || value >= value_count()) {
    throw ValueError("[Graph] there is no value " + std::to_string(value));
  }
  return values_[static_cast<std::size_t>(value)].shape;
}

int Graph::producer(ValueId value) const {
  shape(value);  // checks the id
  return values_[static_cast<std::size_t>(value)].producer;
}

ValueId Graph::add_node(std::string name, NodeOptions options, std::vector<ValueId> inputs,
                        Shape output_shape, std::vector<Parameter> parameters) {
  Node node{std::move(name), std::move(options), std::move(inputs), value_count(), {}};
  check_shape(output_shape, node.who());
  std::int64_t total = 0;
  for (const Parameter& p : parameters) {
    total = checked_add(total, element_count(p.shape));
    if (total > std::numeric_limits<std::int32_t>::max()) {
      throw ValueError(node.who() + " more than 2^31 weights in a layer are not supported");
    }
  }
  for (Parameter& p : parameters) {
    p.layer = node.name;
    node.parameters.push_back(static_cast<ParameterId>(parameters_.size()));
    parameters_.push_back(std::move(p));
  }
  values_.push_back({std::move(output_shape), static_cast<int>(nodes_.size())});
  nodes_.push_back(std::move(node));
  return nodes_.back().output;
}

void Graph::share_parameters(int node, int owner) {
  const int count = static_cast<int>(nodes_.size());
  if (owner < 0 || node <= owner || node >= count) {
    throw ValueError("[Graph] node " + std::to_string(node) + " cannot share weights of node " +
                     std::to_string(owner) + "; there are " + std::to_string(count) +
                     " nodes, and the owner comes first");
  }
  const std::vector<ParameterId> own = nodes_[static_cast<std::size_t>(node)].parameters;
  const std::vector<ParameterId> kept = nodes_[static_cast<std::size_t>(owner)].parameters;
  check_sharing(nodes_[static_cast<std::size_t>(node)], nodes_[static_cast<std::size_t>(owner)]);
  if (own == kept) return;
  // Where each parameter is found when those of `node` are gone.
  std::vector<ParameterId> moved(parameters_.size());
  std::vector<Parameter> left;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    moved[p] = static_cast<ParameterId>(left.size());
    if (std::find(own.begin(), own.end(), static_cast<ParameterId>(p)) == own.end()) {
      left.push_back(std::move(parameters_[p]));
    }
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    moved[static_cast<std::size_t>(own[i])] = moved[static_cast<std::size_t>(kept[i])];
  }
  parameters_ = std::move(left);
  for (Node& n : nodes_) {
    for (ParameterId& p : n.parameters) p = moved[static_cast<std::size_t>(p)];
  }
}

void Graph::check_sharing(const Node& node, const Node& owner) const {
  if (std::holds_alternative<HostOptions>(node.options) && !node.parameters.empty()) {
    throw ValueError(node.who() + " cannot share its weights: a host layer is called once");
  }
  if (node.options.index() != owner.options.index() ||
      node.parameters.size() != owner.parameters.size()) {
    throw ValueError(node.who() + " cannot share the weights of " + owner.who() +
                     ", which is of another kind");
  }
  for (std::size_t i = 0; i < node.parameters.size(); ++i) {
    const Parameter& a = parameters_[static_cast<std::size_t>(node.parameters[i])];
    const Parameter& b = parameters_[static_cast<std::size_t>(owner.parameters[i])];
    if (a.shape != b.shape) {
      throw ValueError(node.who() + " is called on inputs that need different weights: '" + a.name +
                       "' is " + to_string(b.shape) + " for the first and would be " +
                       to_string(a.shape));
    }
  }
}

ValueId Graph::conv2d(ValueId x, const Conv2dOptions& options, std::string name,
                      Initializers init) {
  const Conv2dGeometry g = conv2d_geometry(shape(x), options, pycnn::who("Conv2D", name));
  std::vector<Parameter> parameters{{"kernel", "", conv2d_kernel_shape(g), init.kernel}};
  if (options.use_bias) parameters.push_back({"bias", "", {g.out_channels}, init.bias});
  return add_node(std::move(name), options, {x}, conv2d_output_shape(g), std::move(parameters));
}

ValueId Graph::depthwise_conv2d(ValueId x, const DepthwiseConv2dOptions& options, std::string name,
                                Initializers init) {
  const Conv2dGeometry g =
      depthwise_conv2d_geometry(shape(x), options, pycnn::who("DepthwiseConv2D", name));
  std::vector<Parameter> parameters{{"kernel", "", depthwise_conv2d_kernel_shape(g), init.kernel}};
  if (options.use_bias) parameters.push_back({"bias", "", {g.out_channels}, init.bias});
  return add_node(std::move(name), options, {x}, conv2d_output_shape(g), std::move(parameters));
}

ValueId Graph::max_pool2d(ValueId x, const MaxPool2dOptions& options, std::string name) {
  const auto g = max_pool2d_geometry(shape(x), options, pycnn::who("MaxPooling2D", name));
  return add_node(std::move(name), options, {x}, max_pool2d_output_shape(shape(x), g), {});
}

ValueId Graph::avg_pool2d(ValueId x, const AvgPool2dOptions& options, std::string name) {
  const auto g = avg_pool2d_geometry(shape(x), options, pycnn::who("AveragePooling2D", name));
  return add_node(std::move(name), options, {x}, avg_pool2d_output_shape(shape(x), g), {});
}

ValueId Graph::dense(ValueId x, const DenseOptions& options, std::string name, Initializers init) {
  const DenseGeometry g = dense_geometry(shape(x), options, pycnn::who("Dense", name));
  std::vector<Parameter> parameters{{"kernel", "", {g.inputs, g.outputs}, init.kernel}};
  if (options.use_bias) parameters.push_back({"bias", "", {g.outputs}, init.bias});
  return add_node(std::move(name), options, {x}, {g.outputs}, std::move(parameters));
}

ValueId Graph::activation(ValueId x, const ActivationOptions& options, std::string name) {
  check_activation(options, pycnn::who(activation_kind(options.kind), name));
  return add_node(std::move(name), options, {x}, shape(x), {});
}

ValueId Graph::add(std::vector<ValueId> xs, std::string name) {
  const std::string prefix = pycnn::who("Add", name);
  if (xs.size() < 2) throw ValueError(prefix + " expected at least two inputs");
  for (ValueId x : xs) {
    if (shape(x) != shape(xs[0])) {
      throw ValueError(prefix + " expected inputs of one shape; got " +
                       to_string_batched(shape(xs[0])) + " and " + to_string_batched(shape(x)));
    }
  }
  Shape out = shape(xs[0]);
  return add_node(std::move(name), AddOptions{}, std::move(xs), std::move(out), {});
}

ValueId Graph::concat(std::vector<ValueId> xs, const ConcatOptions& options, std::string name) {
  const std::string prefix = pycnn::who("Concatenate", name);
  if (xs.size() < 2) throw ValueError(prefix + " expected at least two inputs");
  Shape out = shape(xs[0]);
  const int rank = static_cast<int>(out.size());
  const int axis = options.axis < 0 ? options.axis + rank : options.axis;
  if (axis < 0 || axis >= rank) {
    throw ValueError(prefix + " axis " + std::to_string(options.axis) + " does not exist in " +
                     to_string_batched(out));
  }
  if (axis > 0 && axis + 2 < rank) {
    // The block layout keeps all leading dimensions in one.
    throw ValueError(prefix + " axis " + std::to_string(options.axis) +
                     " is not supported: of rank " + std::to_string(rank) +
                     " only the first and the last two dimensions are");
  }
  const auto at = static_cast<std::size_t>(axis);
  for (std::size_t i = 1; i < xs.size(); ++i) {
    Shape s = shape(xs[i]);
    const bool same_rank = s.size() == out.size();
    const std::int64_t length = same_rank ? s[at] : 0;
    if (same_rank) s[at] = out[at];
    if (s != out) {
      throw ValueError(prefix + " expected inputs that differ in axis " + std::to_string(axis) +
                       " alone; got " + to_string_batched(shape(xs[0])) + " and " +
                       to_string_batched(shape(xs[i])));
    }
    out[at] = checked_add(out[at], length);
  }
  return add_node(std::move(name), ConcatOptions{axis}, std::move(xs), std::move(out), {});
}

ValueId Graph::batch_norm(ValueId x, const BatchNormOptions& options, std::string name,
                          BatchNormInitializers init) {
  check_batch_norm(options, pycnn::who("BatchNormalization", name));
  const Shape channels{shape(x).back()};
  std::vector<Parameter> parameters;
  if (options.scale) parameters.push_back({"gamma", "", channels, init.gamma});
  if (options.center) parameters.push_back({"beta", "", channels, init.beta});
  parameters.push_back({"moving_mean", "", channels, init.moving_mean, false});
  parameters.push_back({"moving_variance", "", channels, init.moving_variance, false});
  return add_node(std::move(name), options, {x}, shape(x), std::move(parameters));
}

ValueId Graph::global_avg_pool2d(ValueId x, const GlobalAvgPool2dOptions& options,
                                 std::string name) {
  Shape out =
      global_avg_pool2d_output_shape(shape(x), options, pycnn::who("GlobalAveragePooling2D", name));
  return add_node(std::move(name), options, {x}, std::move(out), {});
}

ValueId Graph::global_max_pool2d(ValueId x, const GlobalMaxPool2dOptions& options,
                                 std::string name) {
  Shape out =
      global_max_pool2d_output_shape(shape(x), options, pycnn::who("GlobalMaxPooling2D", name));
  return add_node(std::move(name), options, {x}, std::move(out), {});
}

ValueId Graph::zero_pad2d(ValueId x, const ZeroPad2dOptions& options, std::string name) {
  Shape out = zero_pad2d_output_shape(shape(x), options, pycnn::who("ZeroPadding2D", name));
  return add_node(std::move(name), options, {x}, std::move(out), {});
}

ValueId Graph::reshape(ValueId x, const ReshapeOptions& options, std::string name) {
  Shape out = reshape_output_shape(shape(x), options, pycnn::who("Reshape", name));
  return add_node(std::move(name), options, {x}, std::move(out), {});
}

ValueId Graph::permute(ValueId x, const PermuteOptions& options, std::string name) {
  const PermuteGeometry g = permute_geometry(shape(x), options, pycnn::who("Permute", name));
  return add_node(std::move(name), options, {x}, permute_output_shape(g), {});
}

ValueId Graph::local_response_norm(ValueId x, const LocalResponseNormOptions& options,
                                   std::string name) {
  check_local_response_norm(options, pycnn::who("LocalResponseNormalization", name));
  return add_node(std::move(name), options, {x}, shape(x), {});
}

ValueId Graph::dropout(ValueId x, const DropoutOptions& options, std::string name) {
  check_dropout(options, pycnn::who("Dropout", name));
  return add_node(std::move(name), options, {x}, shape(x), {});
}

ValueId Graph::augment(ValueId x, const AugmentOptions& options, std::string name) {
  const AugmentGeometry g = augment_geometry(shape(x), options, pycnn::who("Augmentation", name));
  return add_node(std::move(name), options, {x}, augment_output_shape(g), {});
}

ValueId Graph::flatten(ValueId x, std::string name) {
  return add_node(std::move(name), FlattenOptions{}, {x}, flatten_output_shape(shape(x)), {});
}

ValueId Graph::rescale(ValueId x, const RescaleOptions& options, std::string name) {
  check_rescale(options, pycnn::who("Rescaling", name));
  return add_node(std::move(name), options, {x}, shape(x), {});
}

ValueId Graph::host_layer(ValueId x, std::shared_ptr<HostLayer> layer, Shape output_shape,
                          std::vector<Parameter> parameters, std::string name) {
  const std::string prefix = pycnn::who("PythonLayer", name);
  shape(x);
  for (const Parameter& p : parameters) {
    check_shape(p.shape, prefix + " weight '" + p.name + "'", "in a weight");
  }
  return add_node(std::move(name), HostOptions{std::move(layer)}, {x}, std::move(output_shape),
                  std::move(parameters));
}

void Graph::regularize(ValueId value, std::string_view weight, const Penalty& penalty) {
  const int node = producer(value);
  if (node < 0) throw ValueError("[Graph] an input has no weights to regularize");
  const Node& owner = nodes_[static_cast<std::size_t>(node)];
  check_not_negative(owner.who().c_str(), "l1", double(penalty.l1));
  check_not_negative(owner.who().c_str(), "l2", double(penalty.l2));
  for (ParameterId id : owner.parameters) {
    Parameter& p = parameters_[static_cast<std::size_t>(id)];
    if (p.name != weight || !p.trainable) continue;
    p.penalty = penalty;
    return;
  }
  throw ValueError(owner.who() + " has no trained weight '" + std::string(weight) +
                   "' to regularize");
}

namespace {

// Of one image going forward.
std::int64_t multiply_adds(const Node& node, const Shape& in, const Shape& out) {
  const auto window = [&](Size2 kernel) {
    return element_count(out) * kernel.height * kernel.width;
  };
  return std::visit(
      Overloaded{[&](const Conv2dOptions& o) { return window(o.kernel_size) * (in[2] / o.groups); },
                 [&](const DepthwiseConv2dOptions& o) { return window(o.kernel_size); },
                 [&](const DenseOptions& o) { return in[0] * o.units; },
                 [](const auto&) { return std::int64_t{0}; }},
      node.options);
}

}  // namespace

std::vector<NodeInfo> Graph::describe() const {
  const std::vector<FieldSize> fields = receptive_fields(*this);
  std::vector<NodeInfo> infos;
  std::vector<bool> counted(parameters_.size());  // shared weights belong to their first node
  for (const Node& node : nodes_) {
    const Shape& out = shape(node.output);
    const FieldSize& field = fields[static_cast<std::size_t>(node.output)];
    NodeInfo info{node.name, node.kind(), out, 0, 0, 0, field.height, field.width};
    for (ParameterId p : node.parameters) {
      const Parameter& parameter = parameters_[static_cast<std::size_t>(p)];
      if (counted[static_cast<std::size_t>(p)]) continue;
      counted[static_cast<std::size_t>(p)] = true;
      info.parameter_count += element_count(parameter.shape);
      if (parameter.trainable) info.trainable_count += element_count(parameter.shape);
    }
    info.multiply_adds = multiply_adds(node, shape(node.input()), out);
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace pycnn
