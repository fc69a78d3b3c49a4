#include "core/device.h"

namespace pycnn {

std::string_view device_name(Device device) noexcept {
  switch (device) {
    case Device::cpu:
      return "cpu";
  }
  return "unknown";
}

}  // namespace pycnn
