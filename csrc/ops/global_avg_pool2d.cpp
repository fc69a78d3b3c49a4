#include "ops/global_avg_pool2d.h"

#include "core/error.h"

namespace pycnn {

Shape global_avg_pool2d_output_shape(const Shape& input, const GlobalAvgPool2dOptions& options,
                                     const std::string& who) {
  if (input.size() != 3) {
    throw ValueError(who +
                     " expected input of rank 4 (batch, height, width, channels); received input "
                     "shape " +
                     to_string_batched(input));
  }
  return options.keepdims ? Shape{1, 1, input[2]} : Shape{input[2]};
}

}  // namespace pycnn
