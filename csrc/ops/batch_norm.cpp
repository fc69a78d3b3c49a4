#include "ops/batch_norm.h"

#include <cmath>

#include "core/error.h"
#include "core/format.h"

namespace pycnn {

void check_batch_norm(const BatchNormOptions& options, const std::string& who) {
  if (!(options.momentum >= 0.0f && options.momentum <= 1.0f)) {
    throw ValueError(who + " momentum must be in [0, 1]; got " + format(options.momentum));
  }
  if (!(options.epsilon > 0.0f && std::isfinite(options.epsilon))) {
    throw ValueError(who + " epsilon must be positive; got " + format(options.epsilon));
  }
}

}  // namespace pycnn
