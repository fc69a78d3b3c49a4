#include "bindings/bind.h"
#include "core/error.h"

namespace pycnn::bindings {

// ValueError and OverflowError arrive by their C++ base classes.
void bind_errors(py::module_& m) {
  py::register_exception<BusyError>(m, "BusyError", PyExc_RuntimeError);
  py::register_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const TypeError& e) {
      py::set_error(PyExc_TypeError, e.what());
    } catch (const FloatingPointError& e) {
      py::set_error(PyExc_FloatingPointError, e.what());
    }
  });
}

}  // namespace pycnn::bindings
