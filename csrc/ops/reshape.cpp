#include "ops/reshape.h"

#include "core/error.h"

namespace pycnn {

Shape reshape_output_shape(const Shape& input, const ReshapeOptions& options,
                           const std::string& who) {
  Shape shape = options.target;
  std::int64_t known = 1, *open = nullptr;
  for (std::int64_t& d : shape) {
    if (d == -1 && open == nullptr) {
      open = &d;
    } else if (d < 1) {
      throw ValueError(who + " target shape must be positive but for one -1; got " +
                       to_string(options.target));
    } else {
      known = checked_mul(known, d);
    }
  }
  const std::int64_t size = element_count(input);
  if (shape.empty() || (open != nullptr ? size % known : size - known) != 0) {
    throw ValueError(who + " target shape " + to_string(options.target) + " does not fit " +
                     std::to_string(size) + " elements; received input shape " +
                     to_string_batched(input));
  }
  if (open != nullptr) *open = size / known;
  return shape;
}

}  // namespace pycnn
