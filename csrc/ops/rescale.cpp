#include "ops/rescale.h"

#include <cmath>

#include "core/error.h"
#include "core/format.h"

namespace pycnn {

void check_rescale(const RescaleOptions& options, const std::string& who) {
  if (!std::isfinite(options.scale) || !std::isfinite(options.offset)) {
    throw ValueError(who + " scale and offset must be finite; got " + format(options.scale) +
                     " and " + format(options.offset));
  }
}

}  // namespace pycnn
