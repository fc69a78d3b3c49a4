#include "core/device.h"

namespace pycnn {

std::string_view device_name(Device device) noexcept {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::cuda:
      return "cuda";
  }
  return "unknown";
}

}  // namespace pycnn
