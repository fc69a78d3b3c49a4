#include "core/device.h"

#include <atomic>

namespace pycnn {
namespace {

std::atomic<Device> chosen{Device::cpu};

}  // namespace

std::string_view device_name(Device device) noexcept {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::cuda:
      return "cuda";
  }
  return "unknown";
}

Device default_device() noexcept { return chosen; }

void set_default_device(Device device) noexcept { chosen = device; }

}  // namespace pycnn
