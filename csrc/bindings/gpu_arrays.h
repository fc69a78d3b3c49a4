#pragma once
// Arrays on the GPU that pycnn and other libraries share, by DLPack and __cuda_array_interface__.

#include <cstdint>
#include <optional>
#include <utility>

#include "bindings/bind.h"

namespace pycnn::bindings {

// What is behind a Python object, when that is on the GPU: a tensor over the same memory, or the
// pycnn.Tensor itself. TypeError or ValueError for what a tensor cannot be, RuntimeError where this
// pycnn has no GPU.
std::optional<Tensor> gpu_tensor(const py::object& source);

// What a consumer of DLPack may ask for; see the Python array API's __dlpack__.
using DLPackPair = std::optional<std::pair<int, int>>;

// The device type and number of DLPack for a tensor on the GPU.
std::pair<int, int> dlpack_device();
// A capsule over a tensor on the GPU, of the unversioned form unless the consumer knows version 1.
// BufferError for a tensor that cannot be written to in that form.
py::capsule dlpack_capsule(const Tensor& tensor, const std::optional<std::int64_t>& stream,
                           const DLPackPair& max_version, bool is_copied);

using InterfaceDict = py::typing::Dict<py::str, py::object>;
// Version 3; AttributeError for a tensor on the host, as the protocol has it.
InterfaceDict cuda_array_interface(const Tensor& tensor);

}  // namespace pycnn::bindings
