#include "ops/adam.h"

#include <cmath>

namespace pycnn {

void check_adam(const AdamOptions& options) {
  check_fraction("[Adam]", "beta_1", options.beta_1);
  check_fraction("[Adam]", "beta_2", options.beta_2);
  check_positive("[Adam]", "epsilon", double(options.epsilon));
  check_not_negative("[Adam]", "weight_decay", double(options.weight_decay));
}

float adam_rate(const AdamOptions& options, float learning_rate, std::int64_t step) {
  const double t = static_cast<double>(step);
  return static_cast<float>(double(learning_rate) * std::sqrt(1.0 - std::pow(options.beta_2, t)) /
                            (1.0 - std::pow(options.beta_1, t)));
}

}  // namespace pycnn
