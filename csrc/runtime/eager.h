#pragma once
// Single calculations outside any network, for study and for parity tests. Tensors may be on any
// device; results are on the host.

#include "core/device.h"
#include "core/tensor.h"
#include "ops/loss.h"
#include "runtime/optimizer_options.h"

namespace pycnn {

struct LossResult {
  double loss;      // mean over the batch
  Tensor gradient;  // by the predictions
};

// `predictions` is float32 (batch, classes); `targets` int64 (batch,) or float32 like predictions.
// Throws ValueError or TypeError.
LossResult compute_loss(LossKind kind, const Tensor& predictions, const Tensor& targets,
                        Device device = Device::cpu);

struct UpdateResult {
  Tensor parameter, state;
};

// One step of a rule on a parameter of any shape; `state` is (arrays, *shape), all that the rule
// keeps, in the order of its header. The arguments stay as they are. Throws ValueError.
UpdateResult update_parameter(const UpdateRule& rule, const Tensor& parameter,
                              const Tensor& gradient, const Tensor& state, float learning_rate,
                              std::int64_t step, Device device = Device::cpu);

namespace cuda {

// The same on the GPU, for arguments that are checked and on the host; DeviceError where there is
// none.
LossResult compute_loss(LossKind kind, const Tensor& predictions, const Tensor& targets);
UpdateResult update_parameter(const UpdateRule& rule, const Tensor& parameter,
                              const Tensor& gradient, const Tensor& state, float learning_rate,
                              std::int64_t step);

}  // namespace cuda

// Floating-point operations per second that all threads reach together in a loop of multiply-adds
// of the instruction set in use, over about `seconds`: the peak that benchmarks compare with.
double measure_peak(double seconds);

}  // namespace pycnn
