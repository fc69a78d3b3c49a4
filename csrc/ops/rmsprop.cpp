#include "ops/rmsprop.h"

namespace pycnn {

void check_rmsprop(const RmspropOptions& options) {
  check_fraction("[RMSprop]", "rho", options.rho);
  check_fraction("[RMSprop]", "momentum", double(options.momentum));
  check_positive("[RMSprop]", "epsilon", double(options.epsilon));
  check_not_negative("[RMSprop]", "weight_decay", double(options.weight_decay));
}

}  // namespace pycnn
