#include "ops/flatten.h"

namespace pycnn {

Shape flatten_output_shape(const Shape& input) { return {element_count(input)}; }

}  // namespace pycnn
