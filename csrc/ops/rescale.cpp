#include "ops/rescale.h"

#include <cmath>

#include "core/error.h"

namespace pycnn {

void check_rescale(const RescaleOptions& options, const std::string& who) {
  if (!std::isfinite(options.scale) || !std::isfinite(options.offset)) {
    throw ValueError(who + " scale and offset must be finite; got " +
                     std::to_string(options.scale) + " and " + std::to_string(options.offset));
  }
}

}  // namespace pycnn
