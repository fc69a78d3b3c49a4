#pragma once
// The exceptions of the core. The bindings turn each into the Python exception of the same name.

#include <cstddef>
#include <new>
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
// Memory that is not to be had: Python's MemoryError.
class MemoryError : public std::bad_alloc {
 public:
  explicit MemoryError(std::size_t bytes, const std::string& where = "")
      : message_("cannot allocate " + std::to_string(bytes) + " bytes (" +
                 std::to_string(bytes >> 20) + " MiB)" + (where.empty() ? "" : " ") + where) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};
// A loss that is no longer a finite number: Python's FloatingPointError.
struct FloatingPointError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// A model or pool that another thread is using: Python's RuntimeError.
struct BusyError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// A device that is not to be had, or failed: Python's RuntimeError.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace pycnn
