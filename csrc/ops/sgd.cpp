#include "ops/sgd.h"

#include "core/error.h"

namespace pycnn {

void check_sgd(const SgdOptions& options) {
  check_fraction("[SGD]", "momentum", double(options.momentum));
  if (options.nesterov && options.momentum == 0.0f) {
    throw ValueError("[SGD] nesterov=True needs momentum > 0");
  }
  check_not_negative("[SGD]", "weight_decay", double(options.weight_decay));
}

}  // namespace pycnn
