#include <pybind11/stl.h>

#include <string>
#include <utility>

#include "bindings/bind.h"
#include "runtime/eager.h"

namespace pycnn::bindings {

void bind_eager(py::module_& m) {
  using Release = py::call_guard<py::gil_scoped_release>;
  m.def(
      "loss",
      [](const std::string& kind, const Tensor& predictions, const Tensor& targets) {
        LossResult r = compute_loss(parse_loss(kind), predictions, targets);
        return std::pair(r.loss, std::move(r.gradient));
      },
      py::arg("kind"), py::arg("predictions"), py::arg("targets"), Release(),
      "Mean loss over the batch and its gradient by the predictions.");
  m.def(
      "sgd_update",
      [](const Tensor& parameter, const Tensor& gradient, const Tensor& velocity,
         float learning_rate, const SgdOptions& optimizer) {
        SgdResult r = sgd_update(parameter, gradient, velocity, learning_rate, optimizer);
        return std::pair(std::move(r.parameter), std::move(r.velocity));
      },
      py::arg("parameter"), py::arg("gradient"), py::arg("velocity"), py::arg("learning_rate"),
      py::arg("optimizer"), Release(), "One step of SGD: the new parameter and velocity.");
  m.def("measure_peak", &measure_peak, py::arg("seconds") = 0.5, Release(),
        "Floating-point operations per second of all threads in a loop of multiply-adds.");
}

}  // namespace pycnn::bindings
