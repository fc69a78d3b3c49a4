#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bind.h"
#include "core/philox.h"
#include "core/thread_pool.h"
#include "ops/cpu/kernels.h"
#include "runtime/interrupt.h"

namespace pycnn::bindings {

void bind_runtime(py::module_& m) {
  using Release = py::call_guard<py::gil_scoped_release>;
  set_interrupt_check([] {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  });
  m.def("set_random_seed", &set_random_seed, py::arg("seed"),
        "Seeds everything random that comes after: weights and shuffles.");
  m.def("next_seed", &next_seed, "A new seed from the process-wide generator.");
  m.def("num_threads", &num_threads, Release());
  m.def("set_num_threads", &set_num_threads, py::arg("count"), Release(),
        "Threads that share the work; results do not depend on it.");
  m.def("cpu_isa", &cpu::isa, "The instruction set of the kernels in use.");
  m.def("available_cpu_isas", &cpu::available_isas);
  m.def("set_cpu_isa", [](const std::string& name) { cpu::set_isa(name); }, py::arg("name"));
}

}  // namespace pycnn::bindings
