#pragma once
// Shapes and checked size arithmetic: a product that overflows is an error, never a wrap.

#include <cstdint>
#include <string>
#include <vector>

namespace pycnn {

using Shape = std::vector<std::int64_t>;

// a * b and a + b; throw OverflowError when the result leaves int64. Operands are not negative.
std::int64_t checked_mul(std::int64_t a, std::int64_t b);
std::int64_t checked_add(std::int64_t a, std::int64_t b);

// Product of all dimensions (1 for the empty shape). Throws ValueError for a negative dimension.
std::int64_t element_count(const Shape& shape);

// "(28, 28, 1)" as Python prints a tuple: "(3,)" for one dimension, "()" for none.
std::string to_string(const Shape& shape);
// The same with a leading batch dimension of unknown size: "(None, 28, 28, 1)".
std::string to_string_batched(const Shape& shape);

}  // namespace pycnn
