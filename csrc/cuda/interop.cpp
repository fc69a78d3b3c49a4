#include "cuda/interop.h"

#include <cstdint>
#include <string>

#include "core/error.h"
#include "cuda/cuda.h"
#include "cuda/device.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "cuda/stream.h"

namespace pycnn::cuda {
namespace {

void check_byte(const void* address) {
  cudaPointerAttributes attributes{};
  check(cudaPointerGetAttributes(&attributes, address), "asking whose memory that is");
  if (attributes.type != cudaMemoryTypeDevice && attributes.type != cudaMemoryTypeManaged) {
    throw ValueError("[Tensor] the array's address is not, or not to its end, in a GPU's memory");
  }
  if (attributes.type == cudaMemoryTypeDevice && attributes.device != kDevice) {
    throw ValueError("[Tensor] the array is on GPU " + std::to_string(attributes.device) +
                     "; pycnn uses GPU " + std::to_string(kDevice));
  }
}

}  // namespace

int device_number() {
  require();
  return kDevice;
}

void check_shared_memory(const void* data, std::size_t bytes) {
  if (bytes == 0) return;
  const auto first = reinterpret_cast<std::uintptr_t>(data);
  if (first == 0 || first + (bytes - 1) < first) {
    throw ValueError("[Tensor] the array's address is none: " + std::to_string(first));
  }
  const DeviceGuard guard;
  check_byte(data);
  check_byte(reinterpret_cast<const void*>(first + (bytes - 1)));
}

void wait_for_default_stream() {
  const DeviceGuard guard;
  check(cudaStreamSynchronize(nullptr), "waiting for the default stream");
}

void wait_for_all_streams() {
  const DeviceGuard guard;
  // A stream that captures cannot be waited for.
  const auto no_capture = CapturedWork::pause();
  check(cudaDeviceSynchronize(), "waiting for the device");
}

}  // namespace pycnn::cuda
