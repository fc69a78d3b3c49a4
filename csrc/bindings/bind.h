#pragma once
// One function for each area; module.cpp calls them.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <memory>

#include "bindings/checked_caster.h"
#include "core/tensor.h"

namespace pycnn::bindings {

namespace py = pybind11;

void bind_errors(py::module_& m);
void bind_tensor(py::module_& m);
void bind_graph(py::module_& m);
void bind_optimizer(py::module_& m);
void bind_network(py::module_& m);
void bind_eager(py::module_& m);
void bind_runtime(py::module_& m);

// A NumPy array over the tensor's memory, which it keeps alive.
py::array to_numpy(const Tensor& tensor);
// A tensor over the array's memory, which it keeps alive. TypeError unless the array is
// C-contiguous, aligned, in native byte order and float32, uint8 or int64.
Tensor from_numpy(const py::array& array);
// Between element types; TypeError for what a tensor cannot hold.
py::dtype numpy_dtype(DType dtype);
DType core_dtype(const py::dtype& dtype);
// Keeps a Python object alive from C++, which may let go of it without the GIL.
std::shared_ptr<void> keep(py::object object);
using ShapeTuple = py::typing::Tuple<py::int_, py::ellipsis>;
ShapeTuple to_tuple(const Shape& shape);

}  // namespace pycnn::bindings
