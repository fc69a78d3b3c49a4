#pragma once
// Fusion: nodes that one kernel does together. The plain plan has one group per node; both give
// the same numbers.

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace pycnn {

// A run of nodes that becomes one forward instruction: the first node, then what is fused into it.
struct Group {
  int node;            // index into Graph::nodes()
  bool relu = false;   // followed by ReLU
  bool pool = false;   // then by 2x2 max pooling with stride 2 (Conv2D only)
  ValueId output = 0;  // of the last node
};

struct FusedGraph {
  // Rescaling right after the input, done while the images are gathered.
  std::optional<int> input_rescale;
  ValueId input = 0;  // what the first group sees
  std::vector<Group> groups;
};

// The chain of nodes from the input to `output`; the softmax in front of a cross-entropy loss is
// not the concern of this pass. ValueError when the input does not reach `output` by a chain.
FusedGraph fuse_graph(const Graph& graph, ValueId output, bool fuse);

}  // namespace pycnn
