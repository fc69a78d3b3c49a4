#include "cuda/memory.h"

#include <algorithm>

#include "core/device_memory.h"
#include "cuda/device.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"

namespace pycnn::cuda {

void DeviceMemory::Free::operator()(std::byte* p) const noexcept {
  release([p] { cudaFree(p); });
}

DeviceMemory::DeviceMemory(std::size_t bytes) : size_(bytes) {
  void* p = nullptr;
  check_allocation(cudaMalloc(&p, std::max<std::size_t>(bytes, 1)), bytes);
  data_.reset(static_cast<std::byte*>(p));
}

bool DeviceMemory::reserve(std::size_t bytes) {
  if (bytes <= size_ && data_) return false;
  // Let go first: a GPU may not have room for both.
  data_.reset();
  size_ = 0;
  *this = DeviceMemory(bytes);
  return true;
}

void PinnedMemory::Free::operator()(std::byte* p) const noexcept {
  release([p] { cudaFreeHost(p); });
}

PinnedMemory::PinnedMemory(std::size_t bytes) : size_(bytes) {
  void* p = nullptr;
  check_allocation(cudaMallocHost(&p, std::max<std::size_t>(bytes, 1)), bytes);
  data_.reset(static_cast<std::byte*>(p));
}

void PinnedMemory::reserve(std::size_t bytes) {
  if (bytes > size_ || !data_) *this = PinnedMemory(bytes);
}

void upload(void* to, const void* from, std::size_t bytes, const char* what) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), what);
  check(cudaStreamSynchronize(nullptr), what);
}

void download(void* to, const void* from, std::size_t bytes, const char* what) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), what);
}

void clear(void* memory, std::size_t bytes, const char* what) {
  check(cudaMemset(memory, 0, bytes), what);
  check(cudaStreamSynchronize(nullptr), what);
}

}  // namespace pycnn::cuda

namespace pycnn {

std::shared_ptr<void> allocate_on_gpu(std::size_t bytes) {
  const cuda::DeviceGuard guard;
  cuda::require();
  const auto memory = std::make_shared<cuda::DeviceMemory>(bytes);
  return {memory, memory->as<void>()};
}

void copy_memory(void* to, Device to_device, const void* from, Device from_device,
                 std::size_t bytes) {
  const cuda::DeviceGuard guard;
  constexpr const char* kWhat = "copying a tensor";
  if (to_device == Device::cpu) return cuda::download(to, from, bytes, kWhat);
  if (from_device == Device::cpu) return cuda::upload(to, from, bytes, kWhat);
  cuda::check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToDevice), kWhat);
  cuda::check(cudaStreamSynchronize(nullptr), kWhat);
}

}  // namespace pycnn
