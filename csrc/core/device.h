#pragma once
// Where a tensor's memory lives and a network runs.

#include <cstdint>
#include <string_view>

namespace pycnn {

enum class Device : std::uint8_t { cpu, cuda };

std::string_view device_name(Device device) noexcept;

// The device of networks that are made without one; the CPU until set.
Device default_device() noexcept;
void set_default_device(Device device) noexcept;

}  // namespace pycnn
