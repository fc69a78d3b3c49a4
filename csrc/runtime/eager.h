#pragma once
// Single calculations outside any network, for study and for parity tests.

#include "core/tensor.h"
#include "ops/loss.h"
#include "ops/sgd.h"

namespace pycnn {

struct LossResult {
  double loss;      // mean over the batch
  Tensor gradient;  // by the predictions
};

// `predictions` is float32 (batch, classes); `targets` int64 (batch,) or float32 like predictions.
// Throws ValueError or TypeError.
LossResult compute_loss(LossKind kind, const Tensor& predictions, const Tensor& targets);

struct SgdResult {
  Tensor parameter, velocity;
};

// One SGD step on arrays of equal shape; the arguments stay as they are.
SgdResult sgd_update(const Tensor& parameter, const Tensor& gradient, const Tensor& velocity,
                     float learning_rate, const SgdOptions& options);

// Floating-point operations per second that all threads reach together in a loop of multiply-adds
// of the instruction set in use, over about `seconds`: the peak that benchmarks compare with.
double measure_peak(double seconds);

}  // namespace pycnn
