#pragma once
// Tensor: a dense row-major array on the host or on the GPU. A cheap handle: copies share the
// storage.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace pycnn {

class Tensor {
 public:
  // The empty float32 tensor of shape (0,).
  Tensor();
  // On the host, zero-filled, 64-byte aligned. Throws OverflowError or MemoryError.
  explicit Tensor(Shape shape, DType dtype = DType::float32);
  // A view of memory on that device, which `owner` keeps alive; nothing is copied.
  static Tensor wrap(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner,
                     bool read_only = false, Device device = Device::cpu);

  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  Device device() const noexcept { return device_; }
  bool read_only() const noexcept { return read_only_; }
  std::int64_t rank() const noexcept { return static_cast<std::int64_t>(shape_.size()); }
  std::int64_t size() const noexcept { return size_; }
  std::size_t nbytes() const noexcept;

  // Elements as T for the host; throws TypeError when dtype() is another one, or when they are on
  // the GPU.
  template <typename T>
  T* data() {
    check_access(dtype_of<T>());
    return static_cast<T*>(data_);
  }
  template <typename T>
  const T* data() const {
    check_access(dtype_of<T>());
    return static_cast<const T*>(data_);
  }
  // The address on device(), whatever that is.
  void* raw_data() noexcept { return data_; }
  const void* raw_data() const noexcept { return data_; }

  // The same elements under another shape of equal size (ValueError otherwise); shares storage.
  Tensor reshape(Shape shape) const;
  // `count` rows of the first dimension from `first` on; shares storage. ValueError unless there
  // are so many.
  Tensor rows(std::int64_t first, std::int64_t count) const;
  // This tensor where it is on that device already, else a copy there, done when it returns. Throws
  // DeviceError or MemoryError.
  Tensor to(Device device) const;
  Tensor clone() const { return copy(device_); }

 private:
  Tensor copy(Device device) const;
  void check_access(DType wanted) const;

  Shape shape_{0};
  DType dtype_ = DType::float32;
  Device device_ = Device::cpu;
  bool read_only_ = false;
  std::int64_t size_ = 0;
  void* data_ = nullptr;
  std::shared_ptr<void> owner_;
};

}  // namespace pycnn
