#pragma once
// A network on an NVIDIA GPU.

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/backend.h"

namespace pycnn {

// Throws DeviceError when this build has no CUDA backend or the machine no GPU that it can use.
std::unique_ptr<Backend> make_cuda_backend(const Graph& graph, const std::vector<ValueId>& outputs,
                                           std::uint64_t seed);

}  // namespace pycnn
