#include "ops/dense.h"

#include <limits>

#include "core/error.h"

namespace pycnn {

DenseGeometry dense_geometry(const Shape& input, const DenseOptions& options,
                             const std::string& who) {
  if (options.units < 1) {
    throw ValueError(who + " units must be positive; got " + std::to_string(options.units));
  }
  if (input.size() != 1) {
    throw ValueError(who + " expected flat input (batch, features): put a Flatten layer before it" +
                     "; received input shape " + to_string_batched(input));
  }
  if (input[0] > std::numeric_limits<int>::max()) {
    throw ValueError(who + " more than 2^31 inputs are not supported; received input shape " +
                     to_string_batched(input));
  }
  return {static_cast<int>(input[0]), options.units};
}

}  // namespace pycnn
