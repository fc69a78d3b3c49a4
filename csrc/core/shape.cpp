#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace pycnn {

namespace {

[[noreturn]] void throw_overflow(std::int64_t a, char operation, std::int64_t b) {
  throw OverflowError("size " + std::to_string(a) + " " + operation + " " + std::to_string(b) +
                      " does not fit a 64-bit integer");
}

std::string joined(const Shape& shape) {
  std::string text;
  for (const std::int64_t dimension : shape) {
    if (!text.empty()) text += ", ";
    text += std::to_string(dimension);
  }
  return text;
}

}  // namespace

std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw_overflow(a, '*', b);
  return product;
}

std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw_overflow(a, '+', b);
  return sum;
}

std::int64_t element_count(const Shape& shape) {
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t d) { return d < 0; })) {
    throw ValueError("shape " + to_string(shape) + " has a negative dimension");
  }
  // A zero anywhere makes the count zero, whatever the order of the other dimensions.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::int64_t count = 1;
  for (const std::int64_t dimension : shape) count = checked_mul(count, dimension);
  return count;
}

std::string to_string(const Shape& shape) {
  return "(" + joined(shape) + (shape.size() == 1 ? ",)" : ")");
}

std::string to_string_batched(const Shape& shape) {
  return shape.empty() ? "(None,)" : "(None, " + joined(shape) + ")";
}

}  // namespace pycnn
