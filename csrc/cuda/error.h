#pragma once
// CUDA's error codes as exceptions.

#include <cstddef>

#include "cuda/cuda.h"

namespace pycnn::cuda {

// Throws MemoryError when the device is out of memory, DeviceError for any other error; `what`
// says what was attempted.
void check(cudaError_t status, const char* what);
// The same for an allocation of so many bytes.
void check_allocation(cudaError_t status, std::size_t bytes);

}  // namespace pycnn::cuda
