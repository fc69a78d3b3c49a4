#pragma once
// Reshape: the same elements in the same (row-major) order under another shape. The block layout is
// in that order too, so this op moves nothing: the planner lets both values share one buffer.

#include <string>

#include "core/shape.h"

namespace pycnn {

struct ReshapeOptions {
  Shape target;  // without the batch; one dimension may be -1: what is left over
};

// Throws ValueError for a target of another size, with several -1 or another dimension below 1.
Shape reshape_output_shape(const Shape& input, const ReshapeOptions& options,
                           const std::string& who);

}  // namespace pycnn
