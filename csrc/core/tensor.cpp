#include "core/tensor.h"

#include <cstring>
#include <string>
#include <utility>

#include "core/arena.h"
#include "core/device_memory.h"
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
                    bool read_only, Device device) {
  Tensor tensor;
  tensor.size_ = element_count(shape);
  byte_count(tensor.size_, dtype);  // nbytes() must not overflow later
  if (data == nullptr && tensor.size_ > 0) {
    throw ValueError("a tensor of shape " + to_string(shape) + " cannot wrap a null pointer");
  }
  tensor.shape_ = std::move(shape);
  tensor.dtype_ = dtype;
  tensor.device_ = device;
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

Tensor Tensor::rows(std::int64_t first, std::int64_t count) const {
  if (shape_.empty() || first < 0 || count < 0 || first > shape_[0] || count > shape_[0] - first) {
    throw ValueError("a tensor of shape " + to_string(shape_) + " has no " + std::to_string(count) +
                     " rows from " + std::to_string(first) + " on");
  }
  Tensor tensor = *this;
  tensor.shape_[0] = count;
  tensor.size_ = element_count(tensor.shape_);
  if (tensor.size_ == 0) return tensor;
  const std::size_t row = tensor.nbytes() / static_cast<std::size_t>(count);
  tensor.data_ = static_cast<std::byte*>(data_) + row * static_cast<std::size_t>(first);
  return tensor;
}

Tensor Tensor::to(Device device) const { return device == device_ ? *this : copy(device); }

Tensor Tensor::copy(Device device) const {
  if (device == Device::cpu) {
    Tensor tensor(shape_, dtype_);
    if (size_ == 0) return tensor;
    if (device_ == Device::cpu) {
      std::memcpy(tensor.data_, data_, nbytes());
    } else {
      copy_memory(tensor.data_, device, data_, device_, nbytes());
    }
    return tensor;
  }
  std::shared_ptr<void> memory = allocate_on_gpu(nbytes());
  void* const data = memory.get();
  if (size_ > 0) copy_memory(data, device, data_, device_, nbytes());
  return wrap(data, shape_, dtype_, std::move(memory), false, device);
}

void Tensor::check_access(DType wanted) const {
  if (device_ != Device::cpu) {
    throw TypeError("the elements of this tensor are on the GPU; .to(\"cpu\") copies them");
  }
  if (wanted == dtype_) return;
  throw TypeError("expected a tensor of " + std::string(dtype_name(wanted)) + "; received " +
                  std::string(dtype_name(dtype_)));
}

}  // namespace pycnn
