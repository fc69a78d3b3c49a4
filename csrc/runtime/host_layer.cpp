#include "runtime/host_layer.h"

#include <string>

#include "core/error.h"

namespace pycnn {
namespace {

void check_result(const Tensor& t, std::int64_t batch, Shape image_shape, const std::string& who,
                  const std::string& what) {
  image_shape.insert(image_shape.begin(), batch);
  if (t.shape() != image_shape || t.dtype() != DType::float32) {
    throw ValueError(who + " " + what + " must be float32 of shape " + to_string(image_shape) +
                     "; got " + std::string(dtype_name(t.dtype())) + " of shape " +
                     to_string(t.shape()));
  }
}

}  // namespace

void check_host_output(const Graph& graph, const Node& node, std::int64_t batch, const Tensor& y) {
  check_result(y, batch, graph.shape(node.output), node.who(), "forward's result");
}

void check_host_gradients(const Graph& graph, const Node& node, std::int64_t batch,
                          const HostLayer::Gradients& gradients) {
  check_result(gradients.input, batch, graph.shape(node.input()), node.who(), "backward's result");
  if (gradients.weights.size() != node.parameters.size()) {
    throw ValueError(node.who() + " backward must give " + std::to_string(node.parameters.size()) +
                     " weight gradients; got " + std::to_string(gradients.weights.size()));
  }
  for (std::size_t p = 0; p < node.parameters.size(); ++p) {
    const Parameter& parameter = graph.parameters()[static_cast<std::size_t>(node.parameters[p])];
    const Tensor& g = gradients.weights[p];
    if (g.shape() != parameter.shape || g.dtype() != DType::float32) {
      throw ValueError(node.who() + " gradient of weight '" + parameter.name +
                       "' must be float32 of shape " + to_string(parameter.shape) + "; got shape " +
                       to_string(g.shape()));
    }
  }
}

}  // namespace pycnn
