#pragma once
// Fusion: nodes that one kernel does together. The plain plan has one group per node; both give
// the same numbers.

#include <vector>

#include "core/device.h"
#include "graph/graph.h"

namespace pycnn {

// A run of nodes that becomes one forward instruction: the first node, then what is fused into it.
struct Group {
  int node;            // index into Graph::nodes()
  bool relu = false;   // followed by ReLU (batch normalization and Add on the CPU only)
  bool pool = false;   // then by 2x2 max pooling with stride 2 (plain Conv2D on the CPU only)
  ValueId output = 0;  // of the last node
};

// An input as the groups see it.
struct FusedInput {
  int index;  // among the graph's inputs
  // At most one Rescaling and one Augmentation, in order, done while the images are gathered.
  std::vector<int> nodes;
  ValueId value;  // of the input, or of the last of them
};

struct FusedGraph {
  bool fused;  // false: the plain graph
  std::vector<FusedInput> inputs;
  std::vector<Group> groups;  // each after the groups that it reads from
};

// What is needed for `outputs`. A node is fused into the one before it only when nobody else reads
// the value between them.
FusedGraph fuse_graph(const Graph& graph, const std::vector<ValueId>& outputs, bool fuse,
                      Device device = Device::cpu);

}  // namespace pycnn
