#pragma once
// Receptive fields: how many pixels of the input one place of a value can see when it predicts.
//
// A place is an index into all dimensions but the channels, the last of three or more. Along height
// and along width, the pixels from the first to the last that it can see are counted:
// - A window (kernel k, stride s, dilation d) adds (k - 1) * d times the product of the strides
//   before it: the lectures' formula. To a window the image has no border, so a field may be larger
//   than the image; it then reaches into the padding.
// - Branches that meet see what any of them sees, from the first pixel to the last.
// - What reads all places sees what they see together, which ends at the image's border.
// Where places do not lie as the pixels do (Reshape, Flatten, concatenation along height or width,
// branches of different strides), a layer that reads several of them is taken to read all. A layer
// in Python sees the whole input. Of several inputs the one counts that is seen most of. So a
// field is never too small, and it is exact for windows, sums and channels side by side.

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace pycnn {

struct FieldSize {
  std::int64_t height = 1, width = 1;  // in pixels of the input
};

// By value of the graph.
std::vector<FieldSize> receptive_fields(const Graph& graph);

}  // namespace pycnn
