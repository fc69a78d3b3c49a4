#pragma once
// The device that is meant where a user names none.

#include <string_view>

#include "core/device.h"

namespace pycnn {

// "cpu", "cuda", or "auto": the GPU where there is one. ValueError for another name, DeviceError
// for a device that is not to be had.
Device parse_device(std::string_view name);

// Until set: what PYCNN_DEVICE names, else "auto". Throws like parse_device.
Device default_device();
void set_default_device(std::string_view name);

}  // namespace pycnn
