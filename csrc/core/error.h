#pragma once
// The exceptions of the core. The bindings turn each into the Python exception of the same name.

#include <stdexcept>
#include <string>

namespace pycnn {

struct ValueError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct TypeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct OverflowError : std::overflow_error {
  using std::overflow_error::overflow_error;
};
// A loss that is no longer a finite number: Python's FloatingPointError.
struct FloatingPointError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// A model or pool that another thread is using: Python's RuntimeError.
struct BusyError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace pycnn
