#pragma once
// Flatten: (height, width, channels) -> (height * width * channels). The block layout is already
// in that order, so this op moves nothing: the planner lets both values share one buffer.

#include <string>

#include "core/shape.h"

namespace pycnn {

Shape flatten_output_shape(const Shape& input);

}  // namespace pycnn
