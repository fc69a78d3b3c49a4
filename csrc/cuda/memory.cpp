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

}  // namespace pycnn::cuda
