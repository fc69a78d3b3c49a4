#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/bind.h"
#include "bindings/native_call.h"
#include "core/philox.h"
#include "core/thread_pool.h"
#include "cuda/device.h"
#include "cuda/timer.h"
#include "graph/lanes.h"
#include "ops/cpu/kernels.h"
#include "ops/cuda/precision.h"
#include "runtime/default_device.h"
#include "runtime/interrupt.h"

namespace pycnn::bindings {

void bind_runtime(py::module_& m) {
  using Release = py::call_guard<NativeCall>;
  set_interrupt_check(&check_native_call);
  watch_exit();
  m.def("set_random_seed", &set_random_seed, py::arg("seed"),
        "Seeds everything random that comes after: weights and shuffles.");
  m.def("next_seed", &next_seed, "A new seed from the process-wide generator.");
  m.def("num_threads", &num_threads, Release());
  m.def("set_num_threads", &set_num_threads, py::arg("count"), Release(),
        "Threads that share the work; results do not depend on it.");
  m.def("cpu_isa", &cpu::isa, "The instruction set of the kernels in use.");
  m.def("available_cpu_isas", &cpu::available_isas);
  m.def(
      "set_default_device", [](const std::string& name) { set_default_device(name); },
      py::arg("name"), Release(), "For what is made from now on: \"auto\", \"cpu\" or \"cuda\".");
  m.def(
      "resolve_device", [](const std::string& name) { return device_name(parse_device(name)); },
      py::arg("name"), Release(), "The device that a name stands for; an error where it is not.");
  m.def("default_device", [] { return device_name(default_device()); }, Release());
  m.def("cuda_is_built", &cuda::is_built);
  m.def("cuda_is_available", &cuda::is_available, Release());
  m.def("cuda_is_emulated", &cuda::is_emulated);
  m.def("cuda_launches", &cuda::launches,
        "Kernels launched so far; what is captured counts once, however often it runs.");
  m.def("cuda_device_name", &cuda::device_name, Release());
  m.def(
      "set_float32_precision",
      [](const std::string& name) { cuda::set_float32_precision(cuda::parse_precision(name)); },
      py::arg("name"));
  m.def("float32_precision", [] { return cuda::precision_name(cuda::float32_precision()); });
  m.def(
      "cuda_memory_info",
      [] {
        const cuda::MemoryInfo info = cuda::memory_info();
        return std::pair(info.free, info.total);
      },
      Release(), "Bytes of the GPU's memory: free, and all.");
  m.def("cpu_lanes", &lanes);
  m.def(
      "set_cpu_lanes", [](const std::string& name) { set_lanes(name); }, py::arg("name"),
      "What the vectors of a CPU step hold: \"images\", \"channels\", or \"auto\" for the better.");
  m.def("start_cuda_timer", &cuda::start_timer, Release(),
        "Begins to measure by the GPU's clock; the result tells the seconds when it is called.");
  m.def("set_cpu_isa", [](const std::string& name) { cpu::set_isa(name); }, py::arg("name"));
}

}  // namespace pycnn::bindings
