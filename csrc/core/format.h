#pragma once
// Numbers in messages: the fewest digits that are read back as the same number.

#include <string>

namespace pycnn {

std::string format(float value);
std::string format(double value);

}  // namespace pycnn
