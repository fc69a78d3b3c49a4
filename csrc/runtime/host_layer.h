#pragma once
// What a host layer (a user's Python layer) gave back, checked.

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace pycnn {

// Both throw ValueError, naming the node, unless shapes and types are as declared.
void check_host_output(const Graph& graph, const Node& node, std::int64_t batch, const Tensor& y);
void check_host_gradients(const Graph& graph, const Node& node, std::int64_t batch,
                          const HostLayer::Gradients& gradients);

}  // namespace pycnn
