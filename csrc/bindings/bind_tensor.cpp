#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>

#include "bindings/bind.h"
#include "core/error.h"

namespace pycnn::bindings {
namespace {

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

DType core_dtype(const py::array& array) {
  const py::dtype dtype = array.dtype();
  if (dtype.equal(py::dtype::of<float>())) return DType::float32;
  if (dtype.equal(py::dtype::of<std::uint8_t>())) return DType::uint8;
  if (dtype.equal(py::dtype::of<std::int64_t>())) return DType::int64;
  throw TypeError(
      "[Tensor] expected an array of float32, uint8 or int64 in native byte order; got " +
      py::str(dtype).cast<std::string>());
}

// Keeps a Python object alive from C++, which may let go of it without the GIL.
std::shared_ptr<void> keep(py::object object) {
  PyObject* raw = object.release().ptr();
  return {raw, [](void* p) {
            if (!Py_IsInitialized()) return;  // the interpreter is gone, and with it the object
            const py::gil_scoped_acquire gil;
            Py_DECREF(static_cast<PyObject*>(p));
          }};
}

std::string repr(const Tensor& t) {
  return "<pycnn.Tensor " + std::string(dtype_name(t.dtype())) + " " + to_string(t.shape()) +
         " on " + std::string(device_name(t.device())) + ">";
}

// NumPy's own capsule; arguments that an older NumPy does not know are passed only when given.
py::object dlpack(const Tensor& t, const py::object& stream, const py::object& max_version,
                  const py::object& dl_device, const py::object& copy) {
  py::dict arguments;
  if (!stream.is_none()) arguments["stream"] = stream;
  if (!max_version.is_none()) arguments["max_version"] = max_version;
  if (!dl_device.is_none()) arguments["dl_device"] = dl_device;
  if (!copy.is_none()) arguments["copy"] = copy;
  return to_numpy(t).attr("__dlpack__")(**arguments);
}

Tensor from_object(const py::object& source) {
  if (py::isinstance<py::array>(source)) return from_numpy(source);
  const py::module_ numpy = py::module_::import("numpy");
  if (py::hasattr(source, "__dlpack__")) return from_numpy(numpy.attr("from_dlpack")(source));
  if (PyObject_CheckBuffer(source.ptr()) != 0 && !py::isinstance<py::bytes>(source)) {
    return from_numpy(numpy.attr("asarray")(source));
  }
  throw TypeError(
      "[Tensor] expected a NumPy array or an object with DLPack or the buffer protocol; "
      "got " +
      py::str(py::type::of(source).attr("__name__")).cast<std::string>());
}

}  // namespace

ShapeTuple to_tuple(const Shape& shape) {
  py::tuple result(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) result[i] = shape[i];
  return result;
}

py::array to_numpy(const Tensor& tensor) {
  // The capsule's handle shares the storage with the tensor.
  const py::capsule owner(new Tensor(tensor), [](void* p) { delete static_cast<Tensor*>(p); });
  py::array array(numpy_dtype(tensor.dtype()), tensor.shape(), tensor.raw_data(), owner);
  if (tensor.read_only()) array.attr("flags").attr("writeable") = false;
  return array;
}

Tensor from_numpy(const py::array& array) {
  const DType dtype = core_dtype(array);
  constexpr int kWanted = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};
  if ((array.flags() & kWanted) != kWanted) {
    throw TypeError(
        "[Tensor] expected a C-contiguous, aligned array; got one with other strides "
        "(numpy.ascontiguousarray copies it)");
  }
  Shape shape(array.shape(), array.shape() + array.ndim());
  // Only written through when NumPy allows it: the tensor remembers.
  void* data = const_cast<void*>(array.data());
  return Tensor::wrap(data, std::move(shape), dtype, keep(array), !array.writeable());
}

void bind_tensor(py::module_& m) {
  py::class_<Tensor>(m, "Tensor", py::buffer_protocol(),
                     "A dense row-major array of float32, uint8 or int64, NHWC for images.\n\n"
                     "Gives and takes NumPy arrays without a copy.")
      .def(
          py::init(&from_object), py::arg("array"),
          "A view of a NumPy array, or of any object with a CPU array behind DLPack or the buffer\n"
          "protocol: C-contiguous float32, uint8 or int64; TypeError for others.")
      .def_property_readonly("shape", [](const Tensor& t) { return to_tuple(t.shape()); })
      .def_property_readonly("ndim", &Tensor::rank)
      .def_property_readonly("size", &Tensor::size)
      .def_property_readonly("dtype", [](const Tensor& t) { return dtype_name(t.dtype()); })
      .def_property_readonly("device", [](const Tensor& t) { return device_name(t.device()); })
      .def("numpy", &to_numpy, "The elements as a NumPy array over the same memory.")
      .def(
          "__array__",
          [](const Tensor& t, const py::object& dtype, const py::object& copy) -> py::object {
            const py::object numpy = py::module_::import("numpy");
            const py::array array = to_numpy(t);
            if (!copy.is_none() && copy.cast<bool>()) return numpy.attr("array")(array, dtype);
            const py::object result = numpy.attr("asarray")(array, dtype);
            if (!copy.is_none() && !result.is(array)) {
              throw py::value_error("[Tensor] this conversion needs a copy, and copy=False");
            }
            return result;
          },
          py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack__", &dlpack, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(),
           py::arg("copy") = py::none())
      .def("__dlpack_device__",
           [](const Tensor& t) {
             return to_numpy(t).attr("__dlpack_device__")().cast<std::pair<int, int>>();
           })
      .def_static("from_dlpack", &from_object, py::arg("source"),
                  "The same as Tensor(source), under the name that array libraries give it.")
      .def("__len__",
           [](const Tensor& t) {
             if (t.rank() == 0) throw TypeError("len() of a tensor without dimensions");
             return t.shape()[0];
           })
      .def("__repr__", &repr)
      .def_buffer([](Tensor& t) { return to_numpy(t).request(!t.read_only()); });
}

}  // namespace pycnn::bindings
