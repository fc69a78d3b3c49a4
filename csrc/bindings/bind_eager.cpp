#include <pybind11/stl.h>

#include <string>
#include <utility>

#include "bindings/bind.h"
#include "bindings/native_call.h"
#include "runtime/default_device.h"
#include "runtime/eager.h"

namespace pycnn::bindings {

void bind_eager(py::module_& m) {
  using Release = py::call_guard<NativeCall>;
  m.def(
      "loss",
      [](const std::string& kind, const Tensor& predictions, const Tensor& targets) {
        LossResult r = compute_loss(parse_loss(kind), predictions, targets, default_device());
        return std::pair(r.loss, std::move(r.gradient));
      },
      py::arg("kind"), py::arg("predictions"), py::arg("targets"), Release(),
      "Mean loss over the batch and its gradient by the predictions.");
  m.def(
      "update_parameter",
      [](const UpdateRule& rule, const Tensor& parameter, const Tensor& gradient,
         const Tensor& state, float learning_rate, std::int64_t step) {
        UpdateResult r = update_parameter(rule, parameter, gradient, state, learning_rate, step,
                                          default_device());
        return std::pair(std::move(r.parameter), std::move(r.state));
      },
      py::arg("rule"), py::arg("parameter"), py::arg("gradient"), py::arg("state"),
      py::arg("learning_rate"), py::arg("step") = 1, Release(),
      "One step of an optimizer: the new parameter and state; `state` is (arrays, *shape).");
  m.def("measure_peak", &measure_peak, py::arg("seconds") = 0.5, Release(),
        "Floating-point operations per second of all threads in a loop of multiply-adds.");
}

}  // namespace pycnn::bindings
