#include "ops/gradient.h"

#include <cmath>
#include <string>

#include "core/error.h"
#include "core/format.h"

namespace pycnn {
namespace {

[[noreturn]] void refuse(const char* who, const char* name, const char* expected, double value) {
  const auto narrow = static_cast<float>(value);  // most options come as float
  const std::string digits = double{narrow} == value ? format(narrow) : format(value);
  throw ValueError(std::string(who) + " " + name + " must be " + expected + "; got " + digits);
}

}  // namespace

void check_fraction(const char* who, const char* name, double value) {
  if (!(value >= 0.0 && value < 1.0)) refuse(who, name, "in [0, 1)", value);
}

void check_positive(const char* who, const char* name, double value) {
  if (!(value > 0.0 && std::isfinite(value))) refuse(who, name, "finite and positive", value);
}

void check_not_negative(const char* who, const char* name, double value) {
  if (!(value >= 0.0 && std::isfinite(value))) refuse(who, name, "finite and not negative", value);
}

}  // namespace pycnn
