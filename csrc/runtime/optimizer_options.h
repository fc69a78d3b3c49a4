#pragma once
// What a user chooses of an optimizer: the rule and what happens to a gradient before it.

#include <variant>

#include "ops/adam.h"
#include "ops/rmsprop.h"
#include "ops/sgd.h"

namespace pycnn {

using UpdateRule = std::variant<SgdOptions, AdamOptions, RmspropOptions>;

// Bounds for the gradient, 0 for none; at most one of them, as in Keras.
struct Clipping {
  float norm = 0.0f;         // of each weight array's gradient
  float global_norm = 0.0f;  // of all gradients together
  float value = 0.0f;        // of every number
};

struct OptimizerOptions {
  UpdateRule rule = SgdOptions{};
  Clipping clipping;

  OptimizerOptions() = default;
  OptimizerOptions(UpdateRule given, Clipping clip = {}) : rule(given), clipping(clip) {}
  OptimizerOptions(SgdOptions options, Clipping clip = {}) : rule(options), clipping(clip) {}
  OptimizerOptions(AdamOptions options, Clipping clip = {}) : rule(options), clipping(clip) {}
  OptimizerOptions(RmspropOptions options, Clipping clip = {}) : rule(options), clipping(clip) {}
};

// Throws ValueError for options out of their range.
void check_optimizer(const OptimizerOptions& options);

// How many arrays of the weights' size a rule keeps between steps; zeros before the first.
int state_arrays(const UpdateRule& rule);
// ValueError unless the rate is finite and not negative.
void check_learning_rate(float rate);

}  // namespace pycnn
