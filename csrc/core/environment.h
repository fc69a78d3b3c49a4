#pragma once
// The environment variables PYCNN_*.

#include <optional>
#include <string>

namespace pycnn {

// Its value; an empty variable counts as unset.
std::optional<std::string> environment(const char* name);

// "0" or "1" (ValueError for anything else); true when it is unset.
bool environment_switch(const char* name);

}  // namespace pycnn
