#include "bindings/gpu_arrays.h"

#include <pybind11/stl.h>

#include <string>

#include "bindings/dlpack_abi.h"
#include "bindings/shared_memory.h"
#include "core/error.h"
#include "cuda/interop.h"

namespace pycnn::bindings {
namespace {

// Whether strides go with the shape, where they matter at all.
bool is_row_major(const Shape& shape, const Shape& strides) {
  if (strides.size() != shape.size()) return false;
  const Shape wanted = row_major_strides(shape);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1 && strides[i] != wanted[i]) return false;
  }
  return true;
}

// Whether DLPack says of the object that it is on a GPU.
bool is_gpu_dlpack(const py::object& source) {
  if (!py::hasattr(source, "__dlpack__") || !py::hasattr(source, "__dlpack_device__")) return false;
  const py::object device = source.attr("__dlpack_device__")();
  try {
    const int type = device.cast<std::pair<int, int>>().first;
    return type == dlpack::kCuda || type == dlpack::kCudaManaged;
  } catch (const py::cast_error&) {
    throw TypeError("[Tensor] __dlpack_device__ must return a pair of integers; got " +
                    type_name(device));
  }
}

}  // namespace

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  // Without a sign: the dimensions of an array without elements may be of any size.
  for (std::size_t i = shape.size(); i-- > 1;) {
    const auto size = static_cast<std::uint64_t>(shape[i]);
    strides[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(strides[i]) * size);
  }
  return strides;
}

std::string type_name(const py::handle& object) {
  return py::str(py::type::of(object).attr("__name__")).cast<std::string>();
}

Tensor SharedMemory::tensor(std::shared_ptr<void> owner) const {
  Tensor tensor = Tensor::wrap(reinterpret_cast<void*>(address), shape, dtype, std::move(owner),
                               read_only, Device::cuda);
  if (tensor.size() == 0) return tensor;
  if (strides && !is_row_major(shape, *strides)) {
    throw TypeError(
        "[Tensor] expected a C-contiguous array on the GPU; got one with other strides (PyTorch's "
        "contiguous() or CuPy's ascontiguousarray copies it)");
  }
  if (address % dtype_size(dtype) != 0) {
    throw TypeError("[Tensor] expected an aligned array on the GPU; got one whose address, " +
                    std::to_string(address) + ", is no multiple of " +
                    std::to_string(dtype_size(dtype)) +
                    " bytes (PyTorch's clone() or CuPy's copy() copies it)");
  }
  cuda::check_shared_memory(tensor.raw_data(), tensor.nbytes());
  return tensor;
}

std::optional<Tensor> gpu_tensor(const py::object& source) {
  if (py::isinstance<py::array>(source)) return std::nullopt;
  if (py::isinstance<Tensor>(source)) {
    Tensor tensor = source.cast<Tensor>();
    if (tensor.device() == Device::cpu) return std::nullopt;
    return tensor;
  }
  if (is_gpu_dlpack(source)) return from_gpu_dlpack(source);
  if (py::hasattr(source, "__cuda_array_interface__")) return from_cuda_array_interface(source);
  return std::nullopt;
}

}  // namespace pycnn::bindings
