#include "graph/fuse.h"

#include <algorithm>

#include "core/error.h"

namespace pycnn {
namespace {

// Indices of the nodes on the way from the input to `output`, in order.
std::vector<int> chain(const Graph& graph, ValueId output) {
  std::vector<int> order;
  for (ValueId value = output; value != graph.input();) {
    graph.shape(value);          // checks the id
    const int node = value - 1;  // node n produces value n + 1
    order.push_back(node);
    value = graph.nodes()[static_cast<std::size_t>(node)].input;
  }
  std::reverse(order.begin(), order.end());
  return order;
}

bool is_relu(const Node& node) {
  const auto* a = std::get_if<Activation>(&node.options);
  return a != nullptr && *a == Activation::relu;
}

// 2x2 windows with stride 2 that are never cut by the border.
bool is_pool_2x2(const Graph& graph, const Node& node) {
  const auto* pool = std::get_if<MaxPool2dOptions>(&node.options);
  if (pool == nullptr) return false;
  const WindowGeometry g = max_pool2d_geometry(graph.shape(node.input), *pool, node.who());
  return g.kernel_height == 2 && g.kernel_width == 2 && g.stride_height == 2 &&
         g.stride_width == 2 && g.pad_top == 0 && g.pad_left == 0 &&
         g.out_height * 2 <= g.in_height && g.out_width * 2 <= g.in_width;
}

}  // namespace

FusedGraph fuse_graph(const Graph& graph, ValueId output, bool fuse) {
  const std::vector<int> order = chain(graph, output);
  const auto node = [&](std::size_t i) -> const Node& {
    return graph.nodes()[static_cast<std::size_t>(order[i])];
  };
  FusedGraph fused;
  std::size_t i = 0;
  if (fuse && !order.empty() && std::holds_alternative<RescaleOptions>(node(0).options)) {
    fused.input_rescale = order[0];
    fused.input = node(0).output;
    i = 1;
  }
  while (i < order.size()) {
    Group group{order[i], false, false, node(i).output};
    const bool conv = std::holds_alternative<Conv2dOptions>(node(i).options);
    const bool dense = std::holds_alternative<DenseOptions>(node(i).options);
    ++i;
    if (fuse && (conv || dense) && i < order.size() && is_relu(node(i))) {
      group.relu = true;
      group.output = node(i++).output;
    }
    if (fuse && conv && i < order.size() && is_pool_2x2(graph, node(i))) {
      group.pool = true;
      group.output = node(i++).output;
    }
    fused.groups.push_back(group);
  }
  return fused;
}

}  // namespace pycnn
