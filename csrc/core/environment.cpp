#include "core/environment.h"

#include <cstdlib>

#include "core/error.h"

namespace pycnn {

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

bool environment_switch(const char* name) {
  const auto value = environment(name);
  if (!value || *value == "1") return true;
  if (*value == "0") return false;
  throw ValueError(std::string(name) + " must be 0 or 1; received '" + *value + "'");
}

}  // namespace pycnn
