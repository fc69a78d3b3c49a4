#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "runtime/optimizer.h"

namespace pycnn::bindings {
namespace {

void bind_rules(py::module_& m) {
  py::class_<SgdOptions>(m, "SGD", "Options of stochastic gradient descent.")
      .def(py::init([](float momentum, bool nesterov, float weight_decay) {
             const SgdOptions options{momentum, nesterov, weight_decay};
             check_sgd(options);
             return options;
           }),
           py::kw_only(), py::arg("momentum") = 0.0f, py::arg("nesterov") = false,
           py::arg("weight_decay") = 0.0f)
      .def_readonly("momentum", &SgdOptions::momentum)
      .def_readonly("nesterov", &SgdOptions::nesterov)
      .def_readonly("weight_decay", &SgdOptions::weight_decay);
  py::class_<AdamOptions>(m, "Adam", "Options of Adam and, with decay, of AdamW.")
      .def(py::init(
               [](double beta_1, double beta_2, float epsilon, bool amsgrad, float weight_decay) {
                 const AdamOptions options{beta_1, beta_2, epsilon, amsgrad, weight_decay};
                 check_adam(options);
                 return options;
               }),
           py::kw_only(), py::arg("beta_1") = 0.9, py::arg("beta_2") = 0.999,
           py::arg("epsilon") = 1e-7f, py::arg("amsgrad") = false, py::arg("weight_decay") = 0.0f)
      .def_readonly("beta_1", &AdamOptions::beta_1)
      .def_readonly("beta_2", &AdamOptions::beta_2)
      .def_readonly("epsilon", &AdamOptions::epsilon)
      .def_readonly("amsgrad", &AdamOptions::amsgrad)
      .def_readonly("weight_decay", &AdamOptions::weight_decay);
  py::class_<RmspropOptions>(m, "RMSprop", "Options of RMSprop.")
      .def(py::init(
               [](double rho, float momentum, float epsilon, bool centered, float weight_decay) {
                 const RmspropOptions options{rho, momentum, epsilon, centered, weight_decay};
                 check_rmsprop(options);
                 return options;
               }),
           py::kw_only(), py::arg("rho") = 0.9, py::arg("momentum") = 0.0f,
           py::arg("epsilon") = 1e-7f, py::arg("centered") = false, py::arg("weight_decay") = 0.0f)
      .def_readonly("rho", &RmspropOptions::rho)
      .def_readonly("momentum", &RmspropOptions::momentum)
      .def_readonly("epsilon", &RmspropOptions::epsilon)
      .def_readonly("centered", &RmspropOptions::centered)
      .def_readonly("weight_decay", &RmspropOptions::weight_decay);
}

}  // namespace

void bind_optimizer(py::module_& m) {
  bind_rules(m);
  py::class_<OptimizerOptions>(m, "Optimizer", "A rule and the clipping before it; 0 is none.")
      .def(py::init(
               [](const UpdateRule& rule, float clipnorm, float global_clipnorm, float clipvalue) {
                 const OptimizerOptions options{rule, {clipnorm, global_clipnorm, clipvalue}};
                 check_optimizer(options);
                 return options;
               }),
           py::arg("rule"), py::kw_only(), py::arg("clipnorm") = 0.0f,
           py::arg("global_clipnorm") = 0.0f, py::arg("clipvalue") = 0.0f);
  // Wherever an optimizer is asked for, a rule alone will do.
  py::implicitly_convertible<SgdOptions, OptimizerOptions>();
  py::implicitly_convertible<AdamOptions, OptimizerOptions>();
  py::implicitly_convertible<RmspropOptions, OptimizerOptions>();
}

}  // namespace pycnn::bindings
