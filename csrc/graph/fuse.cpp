#include "graph/fuse.h"

#include <type_traits>
#include <utility>

#include "core/error.h"

namespace pycnn {
namespace {

// Who reads each value, among the nodes that the outputs need.
class Readers {
 public:
  Readers(const Graph& graph, const std::vector<ValueId>& outputs)
      : needed_(static_cast<std::size_t>(graph.value_count())),
        only_(needed_.size(), -1),
        count_(needed_.size()) {
    for (ValueId v : outputs) {
      graph.shape(v);  // checks the id
      mark(v);
    }
    // Values come after what they are made of: one pass from the back sees every need.
    for (std::size_t n = graph.nodes().size(); n-- > 0;) {
      const Node& node = graph.nodes()[n];
      if (!needed(node.output)) continue;
      for (ValueId x : node.inputs) {
        mark(x);
        only_[static_cast<std::size_t>(x)] = static_cast<int>(n);
      }
    }
  }

  bool needed(ValueId v) const { return needed_[static_cast<std::size_t>(v)]; }
  // The node that alone reads v; -1 when v is an output or has several readers.
  int only_reader(ValueId v) const {
    const auto i = static_cast<std::size_t>(v);
    return count_[i] == 1 ? only_[i] : -1;
  }

 private:
  void mark(ValueId v) {
    needed_[static_cast<std::size_t>(v)] = true;
    ++count_[static_cast<std::size_t>(v)];
  }

  std::vector<bool> needed_;
  std::vector<int> only_;
  std::vector<int> count_;
};

const Node* node_at(const Graph& graph, int index) {
  return index < 0 ? nullptr : &graph.nodes()[static_cast<std::size_t>(index)];
}

bool is_relu(const Node* node) {
  const auto* a = node != nullptr ? std::get_if<ActivationOptions>(&node->options) : nullptr;
  return a != nullptr && a->kind == Activation::relu;
}

// Whether the device has kernels of the node's op that end with ReLU.
bool takes_relu(const Node& node, Device device) {
  return std::visit(
      [device](const auto& options) {
        using T = std::decay_t<decltype(options)>;
        constexpr bool kOnCpu =
            std::is_same_v<T, BatchNormOptions> || std::is_same_v<T, AddOptions>;
        return std::is_same_v<T, Conv2dOptions> || std::is_same_v<T, DepthwiseConv2dOptions> ||
               std::is_same_v<T, DenseOptions> || (kOnCpu && device == Device::cpu);
      },
      node.options);
}

// What the kernel with pooling can do: no dilation, no groups.
bool is_plain(const Conv2dOptions* conv) {
  return conv != nullptr && conv->groups == 1 && conv->dilation.height == 1 &&
         conv->dilation.width == 1;
}

// 2x2 windows with stride 2 that are never cut by the border.
bool is_pool_2x2(const Graph& graph, const Node* node) {
  const auto* pool = node != nullptr ? std::get_if<MaxPool2dOptions>(&node->options) : nullptr;
  if (pool == nullptr) return false;
  const WindowGeometry g = max_pool2d_geometry(graph.shape(node->input()), *pool, node->who());
  return g.kernel_height == 2 && g.kernel_width == 2 && g.stride_height == 2 &&
         g.stride_width == 2 && g.pad_top == 0 && g.pad_left == 0 &&
         g.out_height * 2 <= g.in_height && g.out_width * 2 <= g.in_width;
}

}  // namespace

FusedGraph fuse_graph(const Graph& graph, const std::vector<ValueId>& outputs, bool fuse,
                      Device device) {
  const Readers readers(graph, outputs);
  FusedGraph fused{fuse, {}, {}};
  std::vector<bool> done(graph.nodes().size());
  // Fuses the only reader of `output` into what makes it, if it is of the kind.
  const auto take = [&](ValueId& output, auto is_kind) {
    const int reader = fuse ? readers.only_reader(output) : -1;
    const Node* node = node_at(graph, reader);
    if (!is_kind(node)) return -1;
    done[static_cast<std::size_t>(reader)] = true;
    output = node->output;
    return reader;
  };
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    FusedInput input{static_cast<int>(i), {}, graph.inputs()[i]};
    if (!readers.needed(input.value)) continue;
    bool rescaled = false, augmented = false;
    const auto is_next = [&](const Node* n) {
      if (n == nullptr) return false;
      const bool augments = std::holds_alternative<AugmentOptions>(n->options);
      if (!augments && !std::holds_alternative<RescaleOptions>(n->options)) return false;
      return !std::exchange(augments ? augmented : rescaled, true);
    };
    for (int n; (n = take(input.value, is_next)) >= 0;) input.nodes.push_back(n);
    fused.inputs.push_back(std::move(input));
  }
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    if (done[n] || !readers.needed(node.output)) continue;
    Group group{static_cast<int>(n), false, false, node.output};
    if (takes_relu(node, device)) group.relu = take(group.output, is_relu) >= 0;
    if (is_plain(std::get_if<Conv2dOptions>(&node.options)) && device == Device::cpu) {
      group.pool = take(group.output, [&](const Node* r) { return is_pool_2x2(graph, r); }) >= 0;
    }
    fused.groups.push_back(group);
  }
  return fused;
}

}  // namespace pycnn
