#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "bindings/dlpack_abi.h"
#include "bindings/gpu_arrays.h"
#include "bindings/native_call.h"
#include "bindings/shared_memory.h"
#include "core/error.h"
#include "cuda/interop.h"

namespace pycnn::bindings {
namespace {

using dlpack::Managed;
using dlpack::ManagedVersioned;

// The legacy default stream, by DLPack's number.
constexpr int kDefaultStream = 1;

// ---- from pycnn to others

// What a capsule holds on to.
template <typename M>
struct Shared {
  M managed{};
  Tensor tensor;
  Shape strides;
};

dlpack::DataType data_type(DType dtype) {
  switch (dtype) {
    case DType::uint8:
      return {dlpack::kUint, 8, 1};
    case DType::int64:
      return {dlpack::kInt, 64, 1};
    case DType::float32:
      break;
  }
  return {dlpack::kFloat, 32, 1};
}

// A capsule that nobody has taken frees its array itself.
template <typename M>
void discard(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, M::kName) == 0) return;
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule, M::kName));
  managed->deleter(managed);
}

template <typename M>
py::capsule capsule_over(const Tensor& tensor, std::uint64_t flags) {
  auto shared = std::make_unique<Shared<M>>();
  shared->tensor = tensor;
  shared->strides = row_major_strides(tensor.shape());
  M& managed = shared->managed;
  managed.array = {tensor.size() > 0 ? shared->tensor.raw_data() : nullptr,
                   {dlpack::kCuda, cuda::device_number()},
                   static_cast<std::int32_t>(tensor.rank()),
                   data_type(tensor.dtype()),
                   const_cast<std::int64_t*>(shared->tensor.shape().data()),
                   shared->strides.data(),
                   0};
  managed.context = shared.get();
  managed.deleter = [](M* m) { delete static_cast<Shared<M>*>(m->context); };
  if constexpr (std::is_same_v<M, ManagedVersioned>) {
    managed.version = dlpack::kVersion;
    managed.flags = flags;
  }
  PyObject* capsule = PyCapsule_New(&managed, M::kName, &discard<M>);
  if (capsule == nullptr) throw py::error_already_set();
  shared.release();  // the capsule's now
  return py::reinterpret_steal<py::capsule>(capsule);
}

void check_stream(const std::optional<std::int64_t>& stream) {
  if (stream && (*stream < -1 || *stream == 0)) {
    throw ValueError(
        "[Tensor] stream must be None, -1, 1, 2 or the address of a CUDA stream; got " +
        std::to_string(*stream));
  }
}

// ---- from others to pycnn

DType core_dtype(const dlpack::DataType& type) {
  for (DType dtype : {DType::float32, DType::uint8, DType::int64}) {
    const dlpack::DataType known = data_type(dtype);
    if (type.code == known.code && type.bits == known.bits && type.lanes == known.lanes) {
      return dtype;
    }
  }
  throw TypeError("[Tensor] expected an array of float32, uint8 or int64; got DLPack's type code " +
                  std::to_string(type.code) + " with " + std::to_string(type.bits) + " bits and " +
                  std::to_string(type.lanes) + " lanes");
}

SharedMemory described(const dlpack::Array& array) {
  constexpr int kMostDimensions = 64;  // as in NumPy
  if (array.device.type != dlpack::kCuda && array.device.type != dlpack::kCudaManaged) {
    throw ValueError("[Tensor] the array was said to be on a GPU, but its DLPack device type is " +
                     std::to_string(array.device.type));
  }
  if (array.device.id != cuda::device_number()) {
    throw ValueError("[Tensor] the array is on GPU " + std::to_string(array.device.id) +
                     "; pycnn uses GPU " + std::to_string(cuda::device_number()));
  }
  if (array.ndim < 0 || array.ndim > kMostDimensions ||
      (array.ndim > 0 && array.shape == nullptr)) {
    throw ValueError("[Tensor] the DLPack array has no shape, or " + std::to_string(array.ndim) +
                     " dimensions");
  }
  SharedMemory memory;
  memory.address = reinterpret_cast<std::uintptr_t>(array.data) + array.byte_offset;
  memory.dtype = core_dtype(array.dtype);
  memory.shape.assign(array.shape, array.shape + array.ndim);
  if (array.strides != nullptr) {
    memory.strides = Shape(array.strides, array.strides + array.ndim);
  }
  return memory;
}

template <typename M>
Tensor take(PyObject* capsule) {
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule, M::kName));
  bool read_only = false;
  if constexpr (std::is_same_v<M, ManagedVersioned>) {
    if (managed->version.major != dlpack::kVersion.major) {
      throw py::buffer_error("[Tensor] expected DLPack version 1; got version " +
                             std::to_string(managed->version.major));
    }
    read_only = (managed->flags & dlpack::kReadOnly) != 0;
  }
  SharedMemory memory = described(managed->array);
  memory.read_only = read_only;
  const Tensor borrowed = memory.tensor(nullptr);  // checked before anything is taken
  if (PyCapsule_SetName(capsule, M::kUsedName) != 0) throw py::error_already_set();
  const std::shared_ptr<void> owner(managed, [](void* p) {
    auto* taken = static_cast<M*>(p);
    if (taken->deleter == nullptr || !Py_IsInitialized()) return;
    const py::gil_scoped_acquire gil;  // not every library's deleter takes it
    taken->deleter(taken);
  });
  return memory.tensor(owner);
}

py::object request_capsule(const py::object& source) {
  const py::object method = source.attr("__dlpack__");
  try {
    return method(
        py::arg("stream") = kDefaultStream,
        py::arg("max_version") = std::pair(dlpack::kVersion.major, dlpack::kVersion.minor));
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return method(py::arg("stream") = kDefaultStream);  // from before there were versions
}

}  // namespace

std::pair<int, int> dlpack_device() { return {dlpack::kCuda, cuda::device_number()}; }

py::capsule dlpack_capsule(const Tensor& tensor, const std::optional<std::int64_t>& stream,
                           const DLPackPair& max_version, bool is_copied) {
  check_stream(stream);
  // pycnn waits for its own work before it returns; the memory may be somebody else's, though.
  if (stream != -1) {
    const NativeCall call;
    cuda::wait_for_default_stream();
  }
  if (max_version && max_version->first >= 1) {
    return capsule_over<ManagedVersioned>(
        tensor, (tensor.read_only() ? dlpack::kReadOnly : 0) | (is_copied ? dlpack::kIsCopied : 0));
  }
  if (tensor.read_only()) {
    throw py::buffer_error(
        "[Tensor] it must not be written to, which DLPack cannot say before version 1");
  }
  return capsule_over<Managed>(tensor, 0);
}

Tensor from_gpu_dlpack(const py::object& source) {
  cuda::device_number();  // there is one
  const py::object capsule = request_capsule(source);
  {
    const NativeCall call;
    cuda::wait_for_default_stream();
  }
  if (PyCapsule_IsValid(capsule.ptr(), ManagedVersioned::kName) != 0) {
    return take<ManagedVersioned>(capsule.ptr());
  }
  if (PyCapsule_IsValid(capsule.ptr(), Managed::kName) != 0) return take<Managed>(capsule.ptr());
  if (!PyCapsule_CheckExact(capsule.ptr())) {
    throw TypeError("[Tensor] __dlpack__ must return a capsule; got " + type_name(capsule));
  }
  const char* name = PyCapsule_GetName(capsule.ptr());
  throw ValueError("[Tensor] expected a DLPack capsule that nobody has taken yet; got one named " +
                   std::string(name == nullptr ? "nothing" : name));
}

}  // namespace pycnn::bindings
