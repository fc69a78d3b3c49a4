#include "cuda/device.h"

#include "core/error.h"
#include "cuda/cuda.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "cuda/launch.h"
#include "cuda/probe.h"

namespace pycnn::cuda {
namespace {

// Whoever uses a GPU has asked here before: from now on the process has a context.
cudaError_t count_devices(int* count) {
  const cudaError_t status = cudaGetDeviceCount(count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    *count = 0;
  }
  if (*count > 0) note_use();
  return status;
}

}  // namespace

bool is_built() { return true; }

bool is_available() {
  if (lost_by_fork()) return false;
  const DeviceGuard guard;
  int count = 0;
  count_devices(&count);
  return count > 0 && compiled_capability() > 0;
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
  const cudaError_t status = count_devices(&count);
  if (count > 0) {
    check(cudaSetDevice(kDevice), "choosing the GPU");
    if (compiled_capability() > 0) return;
    throw DeviceError(
        "device 'cuda' is not available: this build of pycnn has no code for the GPU that is here "
        "(docs/cuda.md says how to choose CMAKE_CUDA_ARCHITECTURES)");
  }
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
