#pragma once
// Where a tensor's memory lives and a network runs.

#include <cstdint>
#include <string_view>

namespace pycnn {

enum class Device : std::uint8_t { cpu, cuda };

std::string_view device_name(Device device) noexcept;

}  // namespace pycnn
