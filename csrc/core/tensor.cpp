#include "core/tensor.h"

#include <cstring>
#include <string>
#include <utility>

#include "core/arena.h"
#include "core/error.h"

namespace pycnn {

namespace {

std::size_t byte_count(std::int64_t elements, DType dtype) {
  return static_cast<std::size_t>(
      checked_mul(elements, static_cast<std::int64_t>(dtype_size(dtype))));
}

}  // namespace

Tensor::Tensor() = default;

Tensor::Tensor(Shape shape, DType dtype)
    : shape_(std::move(shape)), dtype_(dtype), size_(element_count(shape_)) {
  const std::size_t bytes = byte_count(size_, dtype_);
  auto storage = std::make_shared<Arena>(bytes);
  data_ = storage->data();
  std::memset(data_, 0, bytes);
  owner_ = std::move(storage);
}

Tensor Tensor::wrap(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner,
                    bool read_only) {
  Tensor tensor;
  tensor.size_ = element_count(shape);
  byte_count(tensor.size_, dtype);  // nbytes() must not overflow later
  if (data == nullptr && tensor.size_ > 0) {
    throw ValueError("a tensor of shape " + to_string(shape) + " cannot wrap a null pointer");
  }
  tensor.shape_ = std::move(shape);
  tensor.dtype_ = dtype;
  tensor.read_only_ = read_only;
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  return tensor;
}

std::size_t Tensor::nbytes() const noexcept {
  return static_cast<std::size_t>(size_) * dtype_size(dtype_);
}

Tensor Tensor::reshape(Shape shape) const {
  if (element_count(shape) != size_) {
    throw ValueError("cannot reshape a tensor of shape " + to_string(shape_) + " to " +
                     to_string(shape) + ": the number of elements differs");
  }
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Tensor Tensor::clone() const {
  Tensor tensor(shape_, dtype_);
  if (size_ > 0) std::memcpy(tensor.data_, data_, nbytes());
  return tensor;
}

void Tensor::check_dtype(DType wanted) const {
  if (wanted == dtype_) return;
  throw TypeError("expected a tensor of " + std::string(dtype_name(wanted)) + "; received " +
                  std::string(dtype_name(dtype_)));
}

}  // namespace pycnn
