#include "cuda/device_guard.h"

#include "cuda/cuda.h"

namespace pycnn::cuda {
namespace {

// The GPU that was current before pycnn's.
thread_local int callers_device = kDevice;

void make_current(int device) noexcept {
  if (cudaSetDevice(device) != cudaSuccess) cudaGetLastError();
}

}  // namespace

DeviceGuard::DeviceGuard() : callers_before_(callers_device) {
  refuse_after_fork();
  if (cudaGetDevice(&before_) != cudaSuccess) {
    cudaGetLastError();
    before_ = kDevice;
  }
  if (before_ == kDevice) return;
  make_current(kDevice);
  callers_device = before_;
}

DeviceGuard::~DeviceGuard() {
  if (before_ == kDevice) return;
  make_current(before_);
  callers_device = callers_before_;
}

CallersDevice::CallersDevice() noexcept {
  if (callers_device != kDevice) make_current(callers_device);
}

CallersDevice::~CallersDevice() {
  if (callers_device != kDevice) make_current(kDevice);
}

}  // namespace pycnn::cuda
