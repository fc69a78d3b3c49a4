#include "core/format.h"

#include <charconv>

namespace pycnn {
namespace {

template <typename T>
std::string shortest(T value) {
  char digits[32];  // -1.7976931348623157e+308 has 24
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

}  // namespace

std::string format(float value) { return shortest(value); }
std::string format(double value) { return shortest(value); }

}  // namespace pycnn
