#include "cuda/memory.h"

#include <algorithm>

#include "cuda/error.h"

namespace pycnn::cuda {

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

std::size_t free_memory() {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  return free;
}

}  // namespace pycnn::cuda
