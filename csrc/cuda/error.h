#pragma once
// CUDA's error codes as exceptions.

#include <cstddef>

#include "cuda/cuda.h"

namespace pycnn::cuda {

// Throws DeviceError for an error; `what` says what was attempted.
void check(cudaError_t status, const char* what);
// The same for an allocation of so many bytes: MemoryError when the device has no more.
void check_allocation(cudaError_t status, std::size_t bytes);

}  // namespace pycnn::cuda
