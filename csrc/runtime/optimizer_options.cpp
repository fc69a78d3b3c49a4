#include "runtime/optimizer_options.h"

#include "core/error.h"
#include "core/overloaded.h"

namespace pycnn {

void check_optimizer(const OptimizerOptions& options) {
  std::visit(Overloaded{[](const SgdOptions& o) { check_sgd(o); },
                        [](const AdamOptions& o) { check_adam(o); },
                        [](const RmspropOptions& o) { check_rmsprop(o); }},
             options.rule);
  const Clipping& c = options.clipping;
  check_not_negative("[optimizer]", "clipnorm", double(c.norm));
  check_not_negative("[optimizer]", "global_clipnorm", double(c.global_norm));
  check_not_negative("[optimizer]", "clipvalue", double(c.value));
  if ((c.norm > 0.0f) + (c.global_norm > 0.0f) + (c.value > 0.0f) > 1) {
    throw ValueError(
        "[optimizer] only one of clipnorm, global_clipnorm and clipvalue may be given");
  }
}

void check_learning_rate(float rate) {
  check_not_negative("[optimizer]", "learning_rate", double(rate));
}

int state_arrays(const UpdateRule& rule) {
  return std::visit([](const auto& options) { return state_arrays(options); }, rule);
}

}  // namespace pycnn
