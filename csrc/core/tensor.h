#pragma once
// Tensor: a dense row-major array. A cheap handle: copies share the storage.

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
  // Zero-filled, 64-byte aligned. Throws OverflowError or MemoryError.
  explicit Tensor(Shape shape, DType dtype = DType::float32);
  // A view of memory that `owner` keeps alive; nothing is copied.
  static Tensor wrap(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner,
                     bool read_only = false);

  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  Device device() const noexcept { return Device::cpu; }
  bool read_only() const noexcept { return read_only_; }
  std::int64_t rank() const noexcept { return static_cast<std::int64_t>(shape_.size()); }
  std::int64_t size() const noexcept { return size_; }
  std::size_t nbytes() const noexcept;

  // Elements as T; throws TypeError when dtype() is another one.
  template <typename T>
  T* data() {
    check_dtype(dtype_of<T>());
    return static_cast<T*>(data_);
  }
  template <typename T>
  const T* data() const {
    check_dtype(dtype_of<T>());
    return static_cast<const T*>(data_);
  }
  void* raw_data() noexcept { return data_; }
  const void* raw_data() const noexcept { return data_; }

  // The same elements under another shape of equal size (ValueError otherwise); shares storage.
  Tensor reshape(Shape shape) const;
  Tensor clone() const;

 private:
  void check_dtype(DType wanted) const;

  Shape shape_{0};
  DType dtype_ = DType::float32;
  bool read_only_ = false;
  std::int64_t size_ = 0;
  void* data_ = nullptr;
  std::shared_ptr<void> owner_;
};

}  // namespace pycnn
