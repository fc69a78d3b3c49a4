#include "ops/zero_pad2d.h"

#include <algorithm>

#include "core/error.h"

namespace pycnn {

Shape zero_pad2d_output_shape(const Shape& input, const ZeroPad2dOptions& options,
                              const std::string& who) {
  if (input.size() != 3) {
    throw ValueError(who +
                     " expected input of rank 4 (batch, height, width, channels); received input "
                     "shape " +
                     to_string_batched(input));
  }
  if (std::min({options.top, options.bottom, options.left, options.right}) < 0) {
    throw ValueError(who + " padding must not be negative; got ((" + std::to_string(options.top) +
                     ", " + std::to_string(options.bottom) + "), (" + std::to_string(options.left) +
                     ", " + std::to_string(options.right) + "))");
  }
  return {input[0] + options.top + options.bottom, input[1] + options.left + options.right,
          input[2]};
}

}  // namespace pycnn
