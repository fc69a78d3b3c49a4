#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "device.h"

using namespace pycnn::emulator;

namespace {

constexpr std::size_t kAlignment = 256;

struct Allocation {
  std::size_t bytes;
  int device;
};

struct Memory {
  std::mutex mutex;
  std::map<const char*, Allocation> allocations;  // by address
  std::size_t used[kDevices] = {};
};

Memory& memory() {
  static auto& all = *new Memory;  // never destroyed, so that other statics may free theirs
  return all;
}

char* allocate(std::size_t bytes) {
  void* address = nullptr;
  if (posix_memalign(&address, kAlignment, bytes) != 0) return nullptr;
  std::memset(address, 0xFF, bytes);
  return static_cast<char*>(address);
}

// What lies from this address to the end of its allocation; no bytes for what is on no device.
// Called with the device locked.
Allocation allocation_from(const void* address) {
  const char* const wanted = static_cast<const char*>(address);
  auto next = memory().allocations.upper_bound(wanted);
  if (next == memory().allocations.begin()) return {0, -2};
  const auto [first, whole] = *--next;
  const std::size_t offset = static_cast<std::size_t>(wanted - first);
  return offset < whole.bytes ? Allocation{whole.bytes - offset, whole.device} : Allocation{0, -2};
}

std::size_t bytes_on_device(const void* address) { return allocation_from(address).bytes; }

bool may_copy(const void* address, std::size_t bytes, bool device_expected, cudaMemcpyKind kind) {
  const DeviceLock lock;
  const std::size_t on_device = bytes_on_device(address);
  if (kind != cudaMemcpyDefault && device_expected != (on_device > 0)) return false;
  return on_device == 0 || bytes <= on_device;
}

}  // namespace

namespace pycnn::emulator {

DeviceLock::DeviceLock() : lock_(memory().mutex) {
  for (const auto& [address, allocation] : memory().allocations) {
    ASAN_UNPOISON_MEMORY_REGION(address, allocation.bytes);
  }
}

DeviceLock::~DeviceLock() {
  for (const auto& [address, allocation] : memory().allocations) {
    ASAN_POISON_MEMORY_REGION(address, allocation.bytes);
  }
}

std::size_t memory_limit() {
  const char* const bytes = std::getenv("PYCNN_EMULATOR_MEMORY");
  return bytes && *bytes ? std::strtoull(bytes, nullptr, 10) : std::size_t{4} << 30;
}

}  // namespace pycnn::emulator

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  if (const cudaError_t error = refuse_while_capturing()) return error;
  const DeviceLock lock;
  *address = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::size_t limit = memory_limit();
  std::size_t& used = memory().used[current_device()];
  if (used > limit || bytes > limit - used) {
    return remember(cudaErrorMemoryAllocation);
  }
  char* const allocated = allocate(bytes);
  if (!allocated) return remember(cudaErrorMemoryAllocation);
  memory().allocations[allocated] = {bytes, current_device()};
  used += bytes;
  *address = allocated;
  return cudaSuccess;
}

cudaError_t cudaFree(void* address) {
  if (const cudaError_t error = refuse_while_capturing()) return error;
  if (!address) return cudaSuccess;
  const DeviceLock lock;
  const auto found = memory().allocations.find(static_cast<char*>(address));
  if (found == memory().allocations.end()) return remember(cudaErrorInvalidValue);
  memory().used[found->second.device] -= found->second.bytes;
  memory().allocations.erase(found);
  std::free(address);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
  if (const cudaError_t error = refuse_while_capturing()) return error;
  *address = bytes == 0 ? nullptr : allocate(bytes);
  return remember(*address || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* address) {
  if (const cudaError_t error = refuse_while_capturing()) return error;
  std::free(address);
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  const DeviceLock lock;
  void* const same = const_cast<void*>(address);
  const Allocation allocation = allocation_from(address);
  *attributes =
      allocation.bytes > 0
          ? cudaPointerAttributes{cudaMemoryTypeDevice, allocation.device, same, nullptr}
          : cudaPointerAttributes{cudaMemoryTypeUnregistered, allocation.device, nullptr, same};
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const DeviceLock lock;
  *total = memory_limit();
  *free = *total - std::min(*total, memory().used[current_device()]);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = refuse_while_capturing()) return error;
  return cudaMemcpyAsync(to, from, bytes, kind);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (!may_copy(to, bytes, to_device, kind) || !may_copy(from, bytes, from_device, kind)) {
    return remember(cudaErrorInvalidValue);
  }
  return submit(stream, [=] { std::memmove(to, from, bytes); });
}

cudaError_t cudaMemset(void* address, int value, std::size_t bytes) {
  if (const cudaError_t error = refuse_while_capturing()) return error;
  return cudaMemsetAsync(address, value, bytes);
}

cudaError_t cudaMemsetAsync(void* address, int value, std::size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  {
    const DeviceLock lock;
    if (bytes_on_device(address) < bytes) return remember(cudaErrorInvalidValue);
  }
  return submit(stream, [=] { std::memset(address, value, bytes); });
}
