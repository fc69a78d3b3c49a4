#pragma once
// The weights of a network on the GPU, with their gradient.

#include "cuda/memory.h"
#include "runtime/parameter_store.h"

namespace pycnn::cuda {

class DeviceWeights : public ParameterLayout {
 public:
  // The same initial weights as on the CPU.
  DeviceWeights(const Graph& graph, std::uint64_t seed);

  float* flat() const { return values_.as<float>(); }
  float* at(ParameterId id) const { return id < 0 ? nullptr : flat() + offset(id); }
  float* flat_gradient() const { return gradient_.as<float>(); }
  float* gradient(ParameterId id) const { return id < 0 ? nullptr : flat_gradient() + offset(id); }

  // What is not trained moves during a step (batch statistics) and is kept when the step succeeds.
  std::int64_t moving_size() const { return flat_size() - trainable_size(); }
  float* moving() const { return flat() + trainable_size(); }
  float* flat_moved() const { return moved_.as<float>(); }
  float* moved(ParameterId id) const { return flat_moved() + (offset(id) - trainable_size()); }

 private:
  DeviceMemory values_, gradient_, moved_;
};

}  // namespace pycnn::cuda
