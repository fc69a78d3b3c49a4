// https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/gpu_arrays.h"
#include "bindings/native_call.h"
#include "bindings/shared_memory.h"
#include "core/error.h"
#include "cuda/interop.h"

namespace pycnn::bindings {
namespace {

constexpr int kVersion = 3;
// The legacy default stream, by the protocol's number.
constexpr int kDefaultStream = 1;

[[noreturn]] void refuse(const std::string& key, const py::handle& value) {
  throw TypeError("[Tensor] __cuda_array_interface__ has a bad '" + key +
                  "': " + py::repr(value).cast<std::string>());
}

// The entry as T; without a default, or when it is None, it must be there.
template <typename T>
T entry(const py::dict& all, const char* key) {
  const py::object value = all.contains(key) ? py::object(all[key]) : py::none();
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    refuse(key, value);
  }
}

void wait_for_producer(const py::dict& all) {
  const auto stream = entry<std::optional<std::uintptr_t>>(all, "stream");
  if (stream == 0) refuse("stream", all["stream"]);
  const NativeCall call;
  if (stream.value_or(kDefaultStream) == kDefaultStream) {
    cuda::wait_for_default_stream();
  } else {
    cuda::wait_for_all_streams();  // an address that is no stream's would end the process
  }
}

Shape in_elements(const Shape& bytes, DType dtype, const py::dict& all) {
  Shape strides;
  const auto size = static_cast<std::int64_t>(dtype_size(dtype));
  for (std::int64_t b : bytes) {
    if (b % size != 0) refuse("strides", all["strides"]);
    strides.push_back(b / size);
  }
  return strides;
}

}  // namespace

Tensor from_cuda_array_interface(const py::object& source) {
  cuda::device_number();  // there is a GPU
  const py::object given = source.attr("__cuda_array_interface__");
  if (!py::isinstance<py::dict>(given)) {
    throw TypeError("[Tensor] __cuda_array_interface__ must be a dict; got " + type_name(given));
  }
  const py::dict all(given);
  if (all.contains("mask") && !all["mask"].is_none()) {
    throw TypeError("[Tensor] an array with a mask cannot be a tensor");
  }
  SharedMemory memory;
  const auto [address, read_only] = entry<std::pair<std::uintptr_t, bool>>(all, "data");
  memory.address = address;
  memory.read_only = read_only;
  memory.shape = entry<Shape>(all, "shape");
  memory.dtype = core_dtype(py::dtype::from_args(py::str(entry<std::string>(all, "typestr"))));
  if (const auto strides = entry<std::optional<Shape>>(all, "strides")) {
    memory.strides = in_elements(*strides, memory.dtype, all);
  }
  wait_for_producer(all);
  return memory.tensor(keep(source));
}

InterfaceDict cuda_array_interface(const Tensor& tensor) {
  if (tensor.device() != Device::cuda) {
    throw py::attribute_error("the tensor is on the CPU: it has no __cuda_array_interface__");
  }
  InterfaceDict all;
  const void* data = tensor.size() > 0 ? tensor.raw_data() : nullptr;
  all["version"] = kVersion;
  all["shape"] = to_tuple(tensor.shape());
  all["typestr"] = numpy_dtype(tensor.dtype()).attr("str");
  all["data"] = std::pair(reinterpret_cast<std::uintptr_t>(data), tensor.read_only());
  all["strides"] = py::none();
  all["stream"] = kDefaultStream;  // pycnn's own work is done; another owner's may be queued there
  return all;
}

}  // namespace pycnn::bindings
