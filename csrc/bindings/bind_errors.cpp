#include "bindings/bind.h"
#include "core/error.h"

namespace pycnn::bindings {

// ValueError, OverflowError and BusyError (a RuntimeError) arrive by their C++ base classes.
void bind_errors() {
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
