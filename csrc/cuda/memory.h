#pragma once
// Device memory and page-locked host memory that free themselves. They are made under a
// DeviceGuard, as are streams, and may be freed anywhere.

#include <cstddef>
#include <memory>

#include "cuda/cuda.h"

namespace pycnn::cuda {

class DeviceMemory {
 public:
  DeviceMemory() = default;
  // Uninitialised; throws MemoryError or DeviceError.
  explicit DeviceMemory(std::size_t bytes);

  template <typename T = std::byte>
  T* as() const {
    return reinterpret_cast<T*>(data_.get());
  }
  std::size_t size() const { return size_; }
  // Makes it at least this big; the contents are lost if it grows. Whether it did.
  bool reserve(std::size_t bytes);

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

// Copies to and from it run at full speed and need not wait for the host.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::size_t bytes);

  template <typename T = std::byte>
  T* as() const {
    return reinterpret_cast<T*>(data_.get());
  }
  std::size_t size() const { return size_; }
  void reserve(std::size_t bytes);

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

// Copies and zeros outside any stream, complete when these return: the default stream's own calls
// may come back before, and streams made here do not wait for it. `what` as in check.
void upload(void* to, const void* from, std::size_t bytes, const char* what);
void download(void* to, const void* from, std::size_t bytes, const char* what);
void clear(void* memory, std::size_t bytes, const char* what);

}  // namespace pycnn::cuda
