#pragma once
// GPU memory as another library describes it, checked before a tensor is made of it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bindings/bind.h"

namespace pycnn::bindings {

struct SharedMemory {
  std::uintptr_t address = 0;
  DType dtype = DType::float32;
  Shape shape;
  std::optional<Shape> strides;  // in elements; without: row-major
  bool read_only = false;

  // Throws TypeError unless it is row-major and aligned, ValueError unless all of it is on the GPU.
  Tensor tensor(std::shared_ptr<void> owner) const;
};

// In elements.
Shape row_major_strides(const Shape& shape);

std::string type_name(const py::handle& object);

// The two protocols, for objects that offer an array on the GPU by them.
Tensor from_gpu_dlpack(const py::object& source);
Tensor from_cuda_array_interface(const py::object& source);

}  // namespace pycnn::bindings
