#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "bindings/bind.h"
#include "core/error.h"
#include "graph/graph.h"

namespace pycnn::bindings {
namespace {

using Pair = std::pair<int, int>;
using PaddingArgument = std::variant<std::string, std::pair<Pair, Pair>>;

Size2 to_size(Pair p) { return {p.first, p.second}; }

Padding to_padding(const PaddingArgument& argument, const std::string& who) {
  if (const auto* name = std::get_if<std::string>(&argument)) return Padding::parse(*name, who);
  const auto& [rows, columns] = std::get<std::pair<Pair, Pair>>(argument);
  return {Padding::Mode::explicit_, rows.first, rows.second, columns.first, columns.second};
}

Initializers to_initializers(const std::string& kernel, const std::string& bias) {
  return {parse_initializer(kernel), parse_initializer(bias)};
}

std::string who(const char* kind, const std::string& name) {
  return "[" + std::string(kind) + (name.empty() ? "]" : " '" + name + "']");
}

using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;

// A result of the user's function as float32; conversion errors name what was returned.
Tensor to_tensor(const py::handle& value, const char* what) {
  FloatArray array = FloatArray::ensure(value);
  if (!array) {
    PyErr_Clear();
    throw TypeError(std::string("[PythonLayer] ") + what +
                    " must return an array of numbers; got " +
                    py::str(py::type::of(value).attr("__name__")).cast<std::string>());
  }
  return from_numpy(array);
}

py::list to_list(const std::vector<Tensor>& tensors) {
  py::list list;
  for (const Tensor& t : tensors) list.append(to_numpy(t));
  return list;
}

// Two Python functions as a layer. Called from native code without the GIL.
class PythonLayer : public HostLayer {
 public:
  PythonLayer(py::function forward, py::function backward)
      : forward_(std::move(forward)), backward_(std::move(backward)) {}

  Tensor forward(const Tensor& x, const std::vector<Tensor>& weights, bool training) override {
    const py::gil_scoped_acquire gil;
    return to_tensor(forward_(to_numpy(x), to_list(weights), training), "forward");
  }

  Gradients backward(const Tensor& dy, const std::vector<Tensor>& weights) override {
    const py::gil_scoped_acquire gil;
    const py::object result = backward_(to_numpy(dy), to_list(weights));
    if (!py::isinstance<py::tuple>(result) || py::len(result) != 2) {
      throw TypeError("[PythonLayer] backward must return (dx, [weight gradients])");
    }
    const auto pair = result.cast<py::tuple>();
    Gradients gradients;
    gradients.input = to_tensor(pair[0], "backward");
    for (const py::handle g : pair[1]) gradients.weights.push_back(to_tensor(g, "backward"));
    return gradients;
  }

 private:
  py::function forward_, backward_;
};

std::shared_ptr<HostLayer> make_python_layer(py::function forward, py::function backward) {
  // The last owner may be native code without the GIL.
  return {new PythonLayer(std::move(forward), std::move(backward)), [](PythonLayer* layer) {
            if (!Py_IsInitialized()) return;
            const py::gil_scoped_acquire gil;
            delete layer;
          }};
}

// For the signatures that Python shows.
using Arrays = py::typing::List<py::array>;
using ForwardFunction = py::typing::Callable<py::array(py::array, Arrays, py::bool_)>;
using BackwardFunction =
    py::typing::Callable<py::typing::Tuple<py::array, Arrays>(py::array, Arrays)>;

using WeightArgument = std::tuple<std::string, Shape, std::string>;

ValueId add_python_layer(Graph& g, ValueId x, Shape output_shape, ForwardFunction forward,
                         BackwardFunction backward, const std::vector<WeightArgument>& weights,
                         std::string name) {
  std::vector<Parameter> parameters;
  for (const auto& [weight, shape, initializer] : weights) {
    parameters.push_back({weight, "", shape, parse_initializer(initializer)});
  }
  return g.host_layer(x, make_python_layer(std::move(forward), std::move(backward)),
                      std::move(output_shape), std::move(parameters), std::move(name));
}

void bind_descriptions(py::module_& m) {
  py::class_<Parameter>(m, "Parameter", "A weight of a layer.")
      .def_readonly("name", &Parameter::name)
      .def_readonly("layer", &Parameter::layer)
      .def_readonly("trainable", &Parameter::trainable)
      .def_property_readonly("shape", [](const Parameter& p) { return to_tuple(p.shape); });
  py::class_<NodeInfo>(m, "NodeInfo", "What a table of the network shows of one node.")
      .def_readonly("name", &NodeInfo::name)
      .def_readonly("kind", &NodeInfo::kind)
      .def_property_readonly("output_shape",
                             [](const NodeInfo& n) { return to_tuple(n.output_shape); })
      .def_readonly("parameter_count", &NodeInfo::parameter_count)
      .def_readonly("trainable_count", &NodeInfo::trainable_count)
      .def_readonly("multiply_adds", &NodeInfo::multiply_adds, "Forward, per image.")
      .def_property_readonly(
          "receptive_field",
          [](const NodeInfo& n) { return std::pair(n.receptive_height, n.receptive_width); },
          "Height and width in pixels of the input.");
}

}  // namespace

void bind_graph(py::module_& m) {
  bind_descriptions(m);
  py::class_<Graph>(m, "Graph",
                    "A network as nodes and values; shapes and options are checked here.\n\n"
                    "Each method adds a node and returns its output value. ValueError for what\n"
                    "does not fit.")
      .def(py::init<>())
      .def(py::init<Shape>(), py::arg("input_shape"), "A graph with one input.")
      .def("add_input", &Graph::add_input, py::arg("shape"), py::kw_only(), py::arg("name") = "")
      .def_property_readonly("inputs", &Graph::inputs)
      .def_property_readonly("input",
                             [](const Graph& g) {
                               if (g.inputs().empty()) throw ValueError("[Graph] has no input yet");
                               return g.input();
                             })
      .def(
          "shape", [](const Graph& g, ValueId v) { return to_tuple(g.shape(v)); }, py::arg("value"),
          "Shape of a value, without the batch dimension.")
      .def(
          "conv2d",
          [](Graph& g, ValueId x, int filters, Pair kernel_size, Pair strides,
             const PaddingArgument& padding, Pair dilation, int groups, bool use_bias,
             const std::string& kernel_initializer, const std::string& bias_initializer,
             const std::string& name) {
            const Conv2dOptions options{filters,
                                        to_size(kernel_size),
                                        to_size(strides),
                                        to_padding(padding, who("Conv2D", name)),
                                        use_bias,
                                        to_size(dilation),
                                        groups};
            return g.conv2d(x, options, name,
                            to_initializers(kernel_initializer, bias_initializer));
          },
          py::arg("x"), py::kw_only(), py::arg("filters"), py::arg("kernel_size"),
          py::arg("strides") = Pair{1, 1}, py::arg("padding") = "valid",
          py::arg("dilation") = Pair{1, 1}, py::arg("groups") = 1, py::arg("use_bias") = true,
          py::arg("kernel_initializer") = "glorot_uniform", py::arg("bias_initializer") = "zeros",
          py::arg("name") = "")
      .def(
          "depthwise_conv2d",
          [](Graph& g, ValueId x, Pair kernel_size, Pair strides, const PaddingArgument& padding,
             int depth_multiplier, Pair dilation, bool use_bias,
             const std::string& kernel_initializer, const std::string& bias_initializer,
             const std::string& name) {
            const DepthwiseConv2dOptions options{to_size(kernel_size),
                                                 to_size(strides),
                                                 to_padding(padding, who("DepthwiseConv2D", name)),
                                                 depth_multiplier,
                                                 use_bias,
                                                 to_size(dilation)};
            return g.depthwise_conv2d(x, options, name,
                                      to_initializers(kernel_initializer, bias_initializer));
          },
          py::arg("x"), py::kw_only(), py::arg("kernel_size"), py::arg("strides") = Pair{1, 1},
          py::arg("padding") = "valid", py::arg("depth_multiplier") = 1,
          py::arg("dilation") = Pair{1, 1}, py::arg("use_bias") = true,
          py::arg("kernel_initializer") = "glorot_uniform", py::arg("bias_initializer") = "zeros",
          py::arg("name") = "")
      .def(
          "max_pool2d",
          [](Graph& g, ValueId x, Pair pool_size, Pair strides, const PaddingArgument& padding,
             const std::string& name) {
            return g.max_pool2d(x,
                                {to_size(pool_size), to_size(strides),
                                 to_padding(padding, who("MaxPooling2D", name))},
                                name);
          },
          py::arg("x"), py::kw_only(), py::arg("pool_size"), py::arg("strides"),
          py::arg("padding") = "valid", py::arg("name") = "")
      .def(
          "avg_pool2d",
          [](Graph& g, ValueId x, Pair pool_size, Pair strides, const PaddingArgument& padding,
             const std::string& name) {
            return g.avg_pool2d(x,
                                {to_size(pool_size), to_size(strides),
                                 to_padding(padding, who("AveragePooling2D", name))},
                                name);
          },
          py::arg("x"), py::kw_only(), py::arg("pool_size"), py::arg("strides"),
          py::arg("padding") = "valid", py::arg("name") = "")
      .def(
          "dense",
          [](Graph& g, ValueId x, int units, bool use_bias, const std::string& kernel_initializer,
             const std::string& bias_initializer, const std::string& name) {
            return g.dense(x, {units, use_bias}, name,
                           to_initializers(kernel_initializer, bias_initializer));
          },
          py::arg("x"), py::kw_only(), py::arg("units"), py::arg("use_bias") = true,
          py::arg("kernel_initializer") = "glorot_uniform", py::arg("bias_initializer") = "zeros",
          py::arg("name") = "")
      .def(
          "activation",
          [](Graph& g, ValueId x, const std::string& kind, std::optional<float> parameter,
             const std::string& name) {
            const Activation a = parse_activation(kind);
            return g.activation(x, {a, parameter.value_or(default_parameter(a))}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("kind"), py::arg("parameter") = py::none(),
          py::arg("name") = "",
          "`parameter`: the slope below 0 of leaky_relu, by default 0.2; alpha of elu, by default\n"
          "1; the others have none.")
      .def("add", &Graph::add, py::arg("xs"), py::kw_only(), py::arg("name") = "")
      .def(
          "concat",
          [](Graph& g, std::vector<ValueId> xs, int axis, const std::string& name) {
            return g.concat(std::move(xs), {axis}, name);
          },
          py::arg("xs"), py::kw_only(), py::arg("axis") = -1, py::arg("name") = "",
          "`axis` counts without the batch dimension.")
      .def(
          "batch_norm",
          [](Graph& g, ValueId x, float momentum, float epsilon, bool center, bool scale,
             const std::string& beta_initializer, const std::string& gamma_initializer,
             const std::string& moving_mean_initializer,
             const std::string& moving_variance_initializer, const std::string& name) {
            return g.batch_norm(
                x, {momentum, epsilon, center, scale}, name,
                {parse_initializer(beta_initializer), parse_initializer(gamma_initializer),
                 parse_initializer(moving_mean_initializer),
                 parse_initializer(moving_variance_initializer)});
          },
          py::arg("x"), py::kw_only(), py::arg("momentum") = 0.99f, py::arg("epsilon") = 1e-3f,
          py::arg("center") = true, py::arg("scale") = true, py::arg("beta_initializer") = "zeros",
          py::arg("gamma_initializer") = "ones", py::arg("moving_mean_initializer") = "zeros",
          py::arg("moving_variance_initializer") = "ones", py::arg("name") = "")
      .def(
          "global_avg_pool2d",
          [](Graph& g, ValueId x, bool keepdims, const std::string& name) {
            return g.global_avg_pool2d(x, {keepdims}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("keepdims") = false, py::arg("name") = "")
      .def(
          "global_max_pool2d",
          [](Graph& g, ValueId x, bool keepdims, const std::string& name) {
            return g.global_max_pool2d(x, {keepdims}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("keepdims") = false, py::arg("name") = "")
      .def(
          "zero_pad2d",
          [](Graph& g, ValueId x, std::pair<Pair, Pair> padding, const std::string& name) {
            const auto& [rows, columns] = padding;
            return g.zero_pad2d(x, {rows.first, rows.second, columns.first, columns.second}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("padding"), py::arg("name") = "",
          "`padding` is ((top, bottom), (left, right)).")
      .def(
          "reshape",
          [](Graph& g, ValueId x, Shape shape, const std::string& name) {
            return g.reshape(x, {std::move(shape)}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("shape"), py::arg("name") = "",
          "`shape` is without the batch; one dimension may be -1.")
      .def(
          "permute",
          [](Graph& g, ValueId x, std::vector<int> dims, const std::string& name) {
            return g.permute(x, {std::move(dims)}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("dims"), py::arg("name") = "",
          "Axis i of the output is axis dims[i] of the input, counted from 1.")
      .def(
          "local_response_norm",
          [](Graph& g, ValueId x, std::int64_t n, float k, float alpha, float beta,
             const std::string& name) {
            return g.local_response_norm(x, {n, k, alpha, beta}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("n") = 5, py::arg("k") = 2.0f,
          py::arg("alpha") = 1e-4f, py::arg("beta") = 0.75f, py::arg("name") = "")
      .def(
          "dropout",
          [](Graph& g, ValueId x, float rate, const std::string& name) {
            return g.dropout(x, {rate}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("rate"), py::arg("name") = "")
      .def(
          "augment",
          [](Graph& g, ValueId x, Pair shift, Pair padding, std::optional<Pair> crop,
             bool horizontal_flip, double rotation, std::pair<double, double> scale,
             float brightness, float fill, const std::string& name) {
            const AugmentOptions options{to_size(shift),
                                         to_size(padding),
                                         crop ? std::optional(to_size(*crop)) : std::nullopt,
                                         horizontal_flip,
                                         rotation,
                                         scale.first,
                                         scale.second,
                                         brightness,
                                         fill};
            return g.augment(x, options, name);
          },
          py::arg("x"), py::kw_only(), py::arg("shift") = Pair{0, 0},
          py::arg("padding") = Pair{0, 0}, py::arg("crop") = py::none(),
          py::arg("horizontal_flip") = false, py::arg("rotation") = 0.0,
          py::arg("scale") = std::pair(1.0, 1.0), py::arg("brightness") = 0.0f,
          py::arg("fill") = 0.0f, py::arg("name") = "",
          "`rotation` is in degrees; `crop` is the size of a random window.")
      .def("flatten", &Graph::flatten, py::arg("x"), py::kw_only(), py::arg("name") = "")
      .def(
          "rescale",
          [](Graph& g, ValueId x, float scale, float offset, const std::string& name) {
            return g.rescale(x, {scale, offset}, name);
          },
          py::arg("x"), py::kw_only(), py::arg("scale"), py::arg("offset") = 0.0f,
          py::arg("name") = "")
      .def("python_layer", &add_python_layer, py::arg("x"), py::kw_only(), py::arg("output_shape"),
           py::arg("forward"), py::arg("backward"),
           py::arg("parameters") = std::vector<WeightArgument>{}, py::arg("name") = "")
      .def("share_parameters", &Graph::share_parameters, py::arg("node"), py::arg("owner"),
           "Lets a node use the weights of an earlier one in place of its own; their gradients\n"
           "add up. Weights behind those that are dropped move up.")
      .def(
          "weight_shapes",
          [](const Graph& g, int node) {
            if (node < 0 || static_cast<std::size_t>(node) >= g.nodes().size()) {
              throw ValueError("[Graph] there is no node " + std::to_string(node));
            }
            std::vector<ShapeTuple> shapes;
            for (ParameterId p : g.nodes()[static_cast<std::size_t>(node)].parameters) {
              shapes.push_back(to_tuple(g.parameters()[static_cast<std::size_t>(p)].shape));
            }
            return shapes;
          },
          py::arg("node"))
      .def_property_readonly("node_count",
                             [](const Graph& g) { return static_cast<int>(g.nodes().size()); })
      .def(
          "regularize",
          [](Graph& g, ValueId value, const std::string& weight, float l1, float l2) {
            g.regularize(value, weight, {l1, l2});
          },
          py::arg("value"), py::arg("weight"), py::kw_only(), py::arg("l1") = 0.0f,
          py::arg("l2") = 0.0f,
          "Puts l1 sum|w| + l2 sum w^2 on a weight of the node that makes `value`.")
      .def_property_readonly("parameters", &Graph::parameters)
      .def_property_readonly("nodes", &Graph::describe);
}

}  // namespace pycnn::bindings
