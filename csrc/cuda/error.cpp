#include "cuda/error.h"

#include <string>

#include "core/error.h"

namespace pycnn::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that can be got over is not reported again
  throw DeviceError(std::string("[cuda] ") + what + ": " + cudaGetErrorString(status) + " (" +
                    cudaGetErrorName(status) + ")");
}

void check_allocation(cudaError_t status, std::size_t bytes) {
  if (status != cudaErrorMemoryAllocation) return check(status, "allocating memory");
  cudaGetLastError();
  throw MemoryError(bytes, "on the GPU");
}

}  // namespace pycnn::cuda
