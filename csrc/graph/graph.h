#pragma once
// A network as nodes and values. Shapes and options are checked here, when a node is added, and
// only here. Shapes are without the batch dimension.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "graph/activation.h"
#include "graph/initializer.h"
#include "ops/augment.h"
#include "ops/avg_pool2d.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/dense.h"
#include "ops/depthwise_conv2d.h"
#include "ops/dropout.h"
#include "ops/global_avg_pool2d.h"
#include "ops/global_max_pool2d.h"
#include "ops/gradient.h"
#include "ops/local_response_norm.h"
#include "ops/max_pool2d.h"
#include "ops/permute.h"
#include "ops/rescale.h"
#include "ops/reshape.h"
#include "ops/zero_pad2d.h"

namespace pycnn {

using ValueId = int;
using ParameterId = int;

// A layer that the host program computes, over the whole batch at once (a user's Python layer).
class HostLayer {
 public:
  virtual ~HostLayer() = default;
  // x is (batch, ...); the result must have the declared shape. `weights` may be kept until
  // backward, but not longer.
  virtual Tensor forward(const Tensor& x, const std::vector<Tensor>& weights, bool training) = 0;
  struct Gradients {
    Tensor input;
    std::vector<Tensor> weights;
  };
  virtual Gradients backward(const Tensor& dy, const std::vector<Tensor>& weights) = 0;
};

struct AddOptions {};
struct ConcatOptions {
  int axis = -1;  // of the shape without batch; negative counts from the end
};
struct FlattenOptions {};
struct HostOptions {
  std::shared_ptr<HostLayer> layer;
};

using NodeOptions =
    std::variant<Conv2dOptions, DepthwiseConv2dOptions, MaxPool2dOptions, AvgPool2dOptions,
                 DenseOptions, ActivationOptions, AddOptions, ConcatOptions, BatchNormOptions,
                 GlobalAvgPool2dOptions, GlobalMaxPool2dOptions, ZeroPad2dOptions, ReshapeOptions,
                 PermuteOptions, LocalResponseNormOptions, DropoutOptions, AugmentOptions,
                 FlattenOptions, RescaleOptions, HostOptions>;

struct Node {
  std::string name;  // the layer's; may be empty
  NodeOptions options;
  std::vector<ValueId> inputs;
  ValueId output;
  std::vector<ParameterId> parameters;

  ValueId input() const { return inputs.front(); }  // of a node that has one
  std::string kind() const;                         // "Conv2D", as users know it
  std::string who() const;                          // "[Conv2D 'c1']", what messages begin with
};

struct Parameter {
  std::string name;   // "kernel", "bias"
  std::string layer;  // name of the node
  Shape shape;
  Initializer initializer;
  bool trainable = true;  // false: statistics that a step keeps, not the optimizer
  Penalty penalty = {};   // on the size of the weights, part of the loss
};

// What a table of the network shows of a node.
struct NodeInfo {
  std::string name, kind;
  Shape output_shape;
  std::int64_t parameter_count, trainable_count;
  std::int64_t multiply_adds;                      // forward, per image
  std::int64_t receptive_height, receptive_width;  // in pixels of the input
};

struct Initializers {
  Initializer kernel = Initializer::glorot_uniform;
  Initializer bias = Initializer::zeros;
};

struct BatchNormInitializers {
  Initializer beta = Initializer::zeros;
  Initializer gamma = Initializer::ones;
  Initializer moving_mean = Initializer::zeros;
  Initializer moving_variance = Initializer::ones;
};

class Graph {
 public:
  Graph() = default;
  // A graph with one input. ValueError for an empty shape or a dimension below 1.
  explicit Graph(Shape input_shape);

  ValueId add_input(Shape shape, std::string name = "");
  ValueId input() const { return inputs_.front(); }  // of a graph that has one
  const std::vector<ValueId>& inputs() const { return inputs_; }

  ValueId conv2d(ValueId x, const Conv2dOptions& options, std::string name = "",
                 Initializers init = {});
  ValueId depthwise_conv2d(ValueId x, const DepthwiseConv2dOptions& options, std::string name = "",
                           Initializers init = {});
  ValueId max_pool2d(ValueId x, const MaxPool2dOptions& options, std::string name = "");
  ValueId avg_pool2d(ValueId x, const AvgPool2dOptions& options, std::string name = "");
  ValueId dense(ValueId x, const DenseOptions& options, std::string name = "",
                Initializers init = {});
  ValueId activation(ValueId x, const ActivationOptions& options, std::string name = "");
  // Sum of two or more values of one shape.
  ValueId add(std::vector<ValueId> xs, std::string name = "");
  // Values one after another along an axis; the other dimensions must agree.
  ValueId concat(std::vector<ValueId> xs, const ConcatOptions& options = {}, std::string name = "");
  ValueId batch_norm(ValueId x, const BatchNormOptions& options, std::string name = "",
                     BatchNormInitializers init = {});
  ValueId global_avg_pool2d(ValueId x, const GlobalAvgPool2dOptions& options = {},
                            std::string name = "");
  ValueId global_max_pool2d(ValueId x, const GlobalMaxPool2dOptions& options = {},
                            std::string name = "");
  ValueId zero_pad2d(ValueId x, const ZeroPad2dOptions& options, std::string name = "");
  ValueId reshape(ValueId x, const ReshapeOptions& options, std::string name = "");
  ValueId permute(ValueId x, const PermuteOptions& options, std::string name = "");
  ValueId local_response_norm(ValueId x, const LocalResponseNormOptions& options,
                              std::string name = "");
  ValueId dropout(ValueId x, const DropoutOptions& options, std::string name = "");
  ValueId augment(ValueId x, const AugmentOptions& options, std::string name = "");
  ValueId flatten(ValueId x, std::string name = "");
  ValueId rescale(ValueId x, const RescaleOptions& options, std::string name = "");
  ValueId host_layer(ValueId x, std::shared_ptr<HostLayer> layer, Shape output_shape,
                     std::vector<Parameter> parameters, std::string name = "");

  // Lets `node` use the weights of `owner`, an earlier node with weights of the same shapes, in
  // place of its own, which are dropped; ParameterIds behind them move up. Their gradients add up.
  // ValueError for nodes that do not go together.
  void share_parameters(int node, int owner);
  // Puts a penalty on a weight of the node that makes `value`. ValueError for a weight that is
  // not there or not trained, for a factor that is negative or not finite.
  void regularize(ValueId value, std::string_view weight, const Penalty& penalty);

  const Shape& shape(ValueId value) const;  // ValueError for an unknown value
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  int value_count() const { return static_cast<int>(values_.size()); }
  // The node that makes a value, as an index into nodes(); -1 for an input.
  int producer(ValueId value) const;
  std::vector<NodeInfo> describe() const;

 private:
  struct Value {
    Shape shape;
    int producer;
  };
  ValueId add_node(std::string name, NodeOptions options, std::vector<ValueId> inputs,
                   Shape output_shape, std::vector<Parameter> parameters);
  void check_sharing(const Node& node, const Node& owner) const;

  std::vector<Value> values_;
  std::vector<ValueId> inputs_;
  std::vector<Node> nodes_;
  std::vector<Parameter> parameters_;
};

}  // namespace pycnn
