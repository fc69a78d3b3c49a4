#include "cuda/device.h"

#include "core/error.h"
#include "cuda/cuda.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "cuda/launch.h"
#include "cuda/probe.h"

namespace pycnn::cuda {
namespace {

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  cudaGetLastError();
  return 0;
}

}  // namespace

bool is_built() { return true; }

bool is_available() {
  const DeviceGuard guard;
  return device_count() > 0 && compiled_capability() > 0;
}

bool is_emulated() {
#ifdef PYCNN_CUDA_EMULATED
  return true;
#else
  return false;
#endif
}

void require() {
  const DeviceGuard guard;
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) {
    check(cudaSetDevice(kDevice), "choosing the GPU");
    if (compiled_capability() > 0) return;
    throw DeviceError(
        "device 'cuda' is not available: this build of pycnn has no code for the GPU that is here "
        "(docs/cuda.md says how to choose CMAKE_CUDA_ARCHITECTURES)");
  }
  cudaGetLastError();
  const std::string reason =
      status == cudaErrorInsufficientDriver ? "the NVIDIA driver is missing or too old for CUDA " +
                                                  std::to_string(CUDART_VERSION / 1000) + "." +
                                                  std::to_string(CUDART_VERSION % 1000 / 10)
      : status == cudaSuccess || status == cudaErrorNoDevice ? "there is no NVIDIA GPU"
                                                             : cudaGetErrorString(status);
  throw DeviceError("device 'cuda' is not available: " + reason);
}

std::int64_t launches() { return launch_count(); }

std::string device_name() {
  require();
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, kDevice), "asking for the device");
  return properties.name;
}

MemoryInfo memory_info() {
  const DeviceGuard guard;
  require();
  MemoryInfo info;
  check(cudaMemGetInfo(&info.free, &info.total), "asking for free memory");
  return info;
}

}  // namespace pycnn::cuda
