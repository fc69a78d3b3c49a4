#pragma once
// Initial weights, drawn by Philox from (seed, stream), so that every device and thread count
// gives the same ones.

#include <cstdint>
#include <string_view>

#include "core/shape.h"

namespace pycnn {

// glorot: Glorot & Bengio 2010, variance 2 / (fan_in + fan_out); he: He et al. 2015, variance
// 2 / fan_in. The normal forms are cut off at two standard deviations, as in Keras.
enum class Initializer : std::uint8_t {
  zeros,
  ones,
  glorot_uniform,
  glorot_normal,
  he_uniform,
  he_normal
};

// ValueError for an unknown name.
Initializer parse_initializer(std::string_view name);

// Fills `values` (element_count(shape) of them). The last dimension of `shape` is the fan out, the
// one before it the fan in, each times the product of the others (a kernel's height and width).
void initialize(float* values, const Shape& shape, Initializer kind, std::uint64_t seed,
                std::uint64_t stream);

// The elements [begin, end) of these, into values[begin] and those after it.
void initialize(float* values, const Shape& shape, Initializer kind, std::uint64_t seed,
                std::uint64_t stream, std::int64_t begin, std::int64_t end);

}  // namespace pycnn
