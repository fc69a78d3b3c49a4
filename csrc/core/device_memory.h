#pragma once
// Memory of a GPU as the core sees it. Implemented in cuda/memory.cpp or, in a build without CUDA,
// in runtime/cuda_missing.cpp.

#include <cstddef>
#include <memory>

#include "core/device.h"

namespace pycnn {

// Memory on the GPU, uninitialised, that is freed with its last owner. Throws DeviceError or
// MemoryError.
std::shared_ptr<void> allocate_on_gpu(std::size_t bytes);

// A copy of which at least one side is on the GPU; done when it returns. Throws DeviceError.
void copy_memory(void* to, Device to_device, const void* from, Device from_device,
                 std::size_t bytes);

}  // namespace pycnn
