#pragma once
// CUDA's functions work on the calling thread's current GPU, which other libraries change. What the
// rest of the program calls in here works on pycnn's, and leaves the thread as it was.

namespace pycnn::cuda {

// The first that CUDA_VISIBLE_DEVICES lets the process see.
inline constexpr int kDevice = 0;

// pycnn's GPU is current while it lives. It does not throw: where that GPU is not to be had,
// require() says so.
class DeviceGuard {
 public:
  DeviceGuard() noexcept;
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = kDevice, callers_before_;
};

// Inside a DeviceGuard: the GPU of before is current while it lives, for code of the caller's.
class CallersDevice {
 public:
  CallersDevice() noexcept;
  ~CallersDevice();
  CallersDevice(const CallersDevice&) = delete;
  CallersDevice& operator=(const CallersDevice&) = delete;
};

}  // namespace pycnn::cuda
