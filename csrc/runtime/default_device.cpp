#include "runtime/default_device.h"

#include <mutex>
#include <optional>
#include <string>

#include "core/environment.h"
#include "core/error.h"
#include "cuda/device.h"

namespace pycnn {
namespace {

struct Choice {
  std::mutex mutex;
  std::optional<Device> device;
};

Choice& choice() {
  static Choice the_choice;
  return the_choice;
}

}  // namespace

Device parse_device(std::string_view name) {
  if (name == "cpu") return Device::cpu;
  if (name == "cuda") {
    cuda::require();
    return Device::cuda;
  }
  if (name != "auto") {
    throw ValueError("unknown device '" + std::string(name) + "'; known: auto, cpu, cuda");
  }
  // The emulator is for tests: nobody gets it without asking.
  return cuda::is_available() && !cuda::is_emulated() ? Device::cuda : Device::cpu;
}

Device default_device() {
  Choice& c = choice();
  const std::lock_guard lock(c.mutex);
  if (!c.device) {
    try {
      c.device = parse_device(environment("PYCNN_DEVICE").value_or("auto"));
    } catch (const ValueError& e) {
      throw ValueError(std::string("PYCNN_DEVICE: ") + e.what());
    }
  }
  return *c.device;
}

void set_default_device(std::string_view name) {
  const Device device = parse_device(name);
  Choice& c = choice();
  const std::lock_guard lock(c.mutex);
  c.device = device;
}

}  // namespace pycnn
