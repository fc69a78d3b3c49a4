#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>

#include "bindings/argument.h"
#include "bindings/bind.h"
#include "bindings/dlpack_abi.h"
#include "bindings/gpu_arrays.h"
#include "bindings/native_call.h"
#include "bindings/shared_memory.h"
#include "core/error.h"
#include "cuda/device.h"
#include "runtime/default_device.h"

namespace pycnn::bindings {
namespace {

std::string repr(const Tensor& t) {
  return "<pycnn.Tensor " + std::string(dtype_name(t.dtype())) + " " + to_string(t.shape()) +
         " on " + std::string(device_name(t.device())) + ">";
}

using MaybeStream = std::optional<std::int64_t>;

// NumPy's own capsule; arguments that an older NumPy does not know are passed only when given.
py::object numpy_dlpack(const Tensor& t, const MaybeStream& stream, const DLPackPair& max_version,
                        const DLPackPair& dl_device, const std::optional<bool>& copy) {
  py::dict arguments;
  if (stream) arguments["stream"] = *stream;
  if (max_version) arguments["max_version"] = *max_version;
  if (dl_device) arguments["dl_device"] = *dl_device;
  if (copy) arguments["copy"] = *copy;
  return to_numpy(t).attr("__dlpack__")(**arguments);
}

// The device that a consumer wants the array on.
Device wanted_device(const Tensor& t, const DLPackPair& dl_device) {
  if (!dl_device) return t.device();
  if (dl_device->first == dlpack::kCpu) return Device::cpu;
  if (dl_device->first == dlpack::kCuda && cuda::is_available() && *dl_device == dlpack_device()) {
    return Device::cuda;
  }
  throw py::buffer_error("[Tensor] cannot be on DLPack's device (" +
                         std::to_string(dl_device->first) + ", " +
                         std::to_string(dl_device->second) + ")");
}

Tensor copied_to(const Tensor& t, Device device) {
  const NativeCall call;
  return t.device() == device ? t.clone() : t.to(device);
}

py::object dlpack(const Tensor& t, const Argument<MaybeStream>& stream_given,
                  const Argument<DLPackPair>& version_given,
                  const Argument<DLPackPair>& device_given,
                  const Argument<std::optional<bool>>& copy_given) {
  const MaybeStream stream =
      stream_given.value("stream must be None, -1, 1, 2 or the address of a CUDA stream");
  const DLPackPair max_version =
      version_given.value("max_version must be None or a pair of integers");
  const DLPackPair dl_device = device_given.value("dl_device must be None or a pair of integers");
  const std::optional<bool> copy = copy_given.value("copy must be None, True or False");
  const Device device = wanted_device(t, dl_device);
  if (device == Device::cpu && t.device() == Device::cpu) {
    return numpy_dlpack(t, stream, max_version, dl_device, copy);
  }
  const bool copies = device != t.device() || copy.value_or(false);
  if (copies && copy == false) {
    throw py::buffer_error("[Tensor] another device needs a copy, and copy=False");
  }
  const Tensor shared = copies ? copied_to(t, device) : t;
  if (device == Device::cpu) return numpy_dlpack(shared, stream, max_version, {}, {});
  return dlpack_capsule(shared, stream, max_version, copies);
}

std::pair<int, int> dlpack_device_of(const Tensor& t) {
  return t.device() == Device::cuda ? dlpack_device() : std::pair<int, int>(dlpack::kCpu, 0);
}

py::object as_array(const Tensor& t, const py::object& dtype,
                    const Argument<std::optional<bool>>& copy_given) {
  const std::optional<bool> copy = copy_given.value("copy must be None, True or False");
  const py::object numpy = py::module_::import("numpy");
  const py::array array = to_numpy(t);
  if (copy == true) return numpy.attr("array")(array, dtype);
  const py::object result = numpy.attr("asarray")(array, dtype);
  if (copy == false && !result.is(array)) {
    throw py::value_error("[Tensor] this conversion needs a copy, and copy=False");
  }
  return result;
}

// The tensor itself, which Python knows already, or one on another device.
Tensor* moved(Tensor& t, const Argument<py::str>& device) {
  const std::string name = device.value("device must be a name: 'auto', 'cpu' or 'cuda'");
  const NativeCall call;
  const Device wanted = parse_device(name);
  return t.device() == wanted ? &t : new Tensor(t.to(wanted));
}

Tensor reshaped(const Tensor& t, const Argument<Shape>& shape) {
  return t.reshape(shape.value("shape must be a sequence of integers"));
}

Tensor some_rows(const Tensor& t, const Argument<std::int64_t>& first,
                 const Argument<std::int64_t>& count) {
  return t.rows(first.value("first must be an integer"), count.value("count must be an integer"));
}

Tensor from_object(const py::object& source) {
  if (py::isinstance<py::array>(source)) return from_numpy(source);
  if (py::isinstance<Tensor>(source)) return source.cast<Tensor>();
  if (std::optional<Tensor> tensor = gpu_tensor(source)) return *std::move(tensor);
  const py::module_ numpy = py::module_::import("numpy");
  if (py::hasattr(source, "__dlpack__")) return from_numpy(numpy.attr("from_dlpack")(source));
  if (PyObject_CheckBuffer(source.ptr()) != 0 && !py::isinstance<py::bytes>(source)) {
    return from_numpy(numpy.attr("asarray")(source));
  }
  throw TypeError(
      "[Tensor] expected a NumPy array, or an object with DLPack, __cuda_array_interface__ or the "
      "buffer protocol; got " +
      type_name(source));
}

}  // namespace

py::dtype numpy_dtype(DType dtype) {
  switch (dtype) {
    case DType::uint8:
      return py::dtype::of<std::uint8_t>();
    case DType::int64:
      return py::dtype::of<std::int64_t>();
    case DType::float32:
      break;
  }
  return py::dtype::of<float>();
}

DType core_dtype(const py::dtype& dtype) {
  if (dtype.equal(py::dtype::of<float>())) return DType::float32;
  if (dtype.equal(py::dtype::of<std::uint8_t>())) return DType::uint8;
  if (dtype.equal(py::dtype::of<std::int64_t>())) return DType::int64;
  throw TypeError(
      "[Tensor] expected an array of float32, uint8 or int64 in native byte order; got " +
      py::str(dtype).cast<std::string>());
}

std::shared_ptr<void> keep(py::object object) {
  PyObject* raw = object.release().ptr();
  return {raw, [](void* p) {
            if (!Py_IsInitialized()) return;  // the interpreter is gone, and with it the object
            const py::gil_scoped_acquire gil;
            Py_DECREF(static_cast<PyObject*>(p));
          }};
}

ShapeTuple to_tuple(const Shape& shape) {
  py::tuple result(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) result[i] = shape[i];
  return result;
}

py::array to_numpy(const Tensor& tensor) {
  if (tensor.device() != Device::cpu) {
    throw TypeError(
        "[Tensor] the elements are on the GPU, where NumPy cannot read them; copy them first with "
        ".to(\"cpu\")");
  }
  // The capsule's handle shares the storage with the tensor.
  const py::capsule owner(new Tensor(tensor), [](void* p) { delete static_cast<Tensor*>(p); });
  py::array array(numpy_dtype(tensor.dtype()), tensor.shape(), tensor.raw_data(), owner);
  if (tensor.read_only()) array.attr("flags").attr("writeable") = false;
  return array;
}

Tensor from_numpy(const py::array& array) {
  const DType dtype = core_dtype(array.dtype());
  if ((array.flags() & py::array::c_style) == 0) {
    throw TypeError(
        "[Tensor] expected a C-contiguous array; got one with other strides "
        "(numpy.ascontiguousarray copies it)");
  }
  if ((array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) == 0) {
    throw TypeError("[Tensor] expected an aligned array; got one whose address is no multiple of " +
                    std::to_string(dtype_size(dtype)) + " bytes (numpy.array copies it)");
  }
  Shape shape(array.shape(), array.shape() + array.ndim());
  // Only written through when NumPy allows it: the tensor remembers.
  void* data = const_cast<void*>(array.data());
  return Tensor::wrap(data, std::move(shape), dtype, keep(array), !array.writeable());
}

void bind_tensor(py::module_& m) {
  using Release = py::call_guard<NativeCall>;
  py::class_<Tensor>(m, "Tensor", py::buffer_protocol(),
                     "A dense row-major array of float32, uint8 or int64, NHWC for images, on the\n"
                     "CPU or on the GPU.\n\n"
                     "Gives and takes NumPy arrays without a copy, and those of PyTorch, CuPy and\n"
                     "others: by DLPack on both devices, by __cuda_array_interface__ on the GPU.")
      .def(py::init(&from_object), py::arg("array"),
           "A view of a NumPy array, or of any object with an array behind DLPack,\n"
           "__cuda_array_interface__ or the buffer protocol, on its device: C-contiguous float32,\n"
           "uint8 or int64; TypeError for others, ValueError for memory that pycnn's GPU cannot\n"
           "use. What was queued on the default stream by then is in it.")
      .def_property_readonly("shape", [](const Tensor& t) { return to_tuple(t.shape()); })
      .def_property_readonly("ndim", &Tensor::rank)
      .def_property_readonly("size", &Tensor::size)
      .def_property_readonly("dtype", [](const Tensor& t) { return dtype_name(t.dtype()); })
      .def_property_readonly(
          "device", [](const Tensor& t) { return device_name(t.device()); },
          "Where the elements are: \"cpu\" or \"cuda\".")
      .def("to", &moved, py::arg("device"), py::return_value_policy::take_ownership,
           "This tensor where it is on that device already, else a copy there; \"cpu\", \"cuda\" "
           "or\n"
           "\"auto\". RuntimeError where there is no GPU, MemoryError where it is full.")
      .def("clone", &Tensor::clone, Release(), "A copy on the same device.")
      .def("reshape", &reshaped, py::arg("shape"),
           "The same elements in another shape of equal size (ValueError otherwise), not copied.")
      .def("rows", &some_rows, py::arg("first"), py::arg("count"),
           "So many rows of the first dimension from `first` on, not copied; ValueError unless\n"
           "there are so many.")
      .def("numpy", &to_numpy,
           "The elements as a NumPy array over the same memory; TypeError on the GPU, where\n"
           "`to(\"cpu\")` copies them first.")
      .def("__array__", &as_array, py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack__", &dlpack, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(),
           py::arg("copy") = py::none())
      .def("__dlpack_device__", &dlpack_device_of)
      .def_property_readonly("__cuda_array_interface__", &cuda_array_interface)
      .def_static("from_dlpack", &from_object, py::arg("source"),
                  "The same as Tensor(source), under the name that array libraries give it.")
      .def("__len__",
           [](const Tensor& t) {
             if (t.rank() == 0) throw TypeError("len() of a tensor without dimensions");
             return t.shape()[0];
           })
      .def("__repr__", &repr)
      .def_buffer([](Tensor& t) { return to_numpy(t).request(!t.read_only()); });
  m.def("gpu_tensor", &gpu_tensor, py::arg("source"),
        "The array behind an object as a tensor, when it is on the GPU; None for all others.");
}

}  // namespace pycnn::bindings
