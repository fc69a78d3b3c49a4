#include "ops/sgd.h"

#include <cmath>
#include <string>

#include "core/error.h"

namespace pycnn {

void check_sgd(const SgdOptions& options) {
  if (!(options.momentum >= 0.0f && options.momentum < 1.0f)) {
    throw ValueError("[SGD] momentum must be in [0, 1); got " + std::to_string(options.momentum));
  }
  if (options.nesterov && options.momentum == 0.0f) {
    throw ValueError("[SGD] nesterov=True needs momentum > 0");
  }
  if (!(options.weight_decay >= 0.0f && std::isfinite(options.weight_decay))) {
    throw ValueError("[SGD] weight_decay must be finite and not negative; got " +
                     std::to_string(options.weight_decay));
  }
}

}  // namespace pycnn
