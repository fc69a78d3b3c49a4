#pragma once
// The error of a step whose loss or gradient is no longer a finite number.

#include <string>

namespace pycnn {

// Throws FloatingPointError; `where` says which number was the first.
[[noreturn]] void throw_non_finite(double loss, const std::string& where);

}  // namespace pycnn
