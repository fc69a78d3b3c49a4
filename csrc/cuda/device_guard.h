#pragma once
// CUDA's functions work on the calling thread's current GPU, which other libraries change. What the
// rest of the program calls in here works on pycnn's, and leaves the thread as it was.

#include "cuda/fork.h"

namespace pycnn::cuda {

// The first that CUDA_VISIBLE_DEVICES lets the process see.
inline constexpr int kDevice = 0;

// pycnn's GPU is current while it lives; where that GPU is not to be had, require() says so. Throws
// like refuse_after_fork, before it calls anything of CUDA's.
class DeviceGuard {
 public:
  DeviceGuard();
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = kDevice, callers_before_;
};

// For destructors: free() under a DeviceGuard, but nothing where what it frees is another
// process's.
template <typename F>
void release(F free) noexcept {
  if (lost_by_fork()) return;
  const DeviceGuard guard;
  free();
}

// Inside a DeviceGuard: the GPU of before is current while it lives, for code of the caller's.
class CallersDevice {
 public:
  CallersDevice() noexcept;
  ~CallersDevice();
  CallersDevice(const CallersDevice&) = delete;
  CallersDevice& operator=(const CallersDevice&) = delete;
};

}  // namespace pycnn::cuda
