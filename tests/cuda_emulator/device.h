#pragma once

#include <cstddef>
#include <functional>
#include <mutex>

#include "runtime_api.h"

namespace pycnn::emulator {

inline constexpr std::size_t kSharedBytes = 48 * 1024;        // for every kernel
inline constexpr std::size_t kOptInSharedBytes = 227 * 1024;  // for those that ask
inline constexpr int kThreadsPerBlock = 1024;

// While it exists the calling thread has the device, and its memory may be touched.
class DeviceLock {
 public:
  DeviceLock();
  DeviceLock(const DeviceLock&) = delete;
  DeviceLock& operator=(const DeviceLock&) = delete;
  ~DeviceLock();

 private:
  std::lock_guard<std::mutex> lock_;
};

inline constexpr int kDevices = 2;

// The calling thread's; at first PYCNN_EMULATOR_DEVICE, or 0.
int current_device();
int device_of(cudaStream_t stream);

// Bytes of each device.
std::size_t memory_limit();

// Remembers an error for cudaGetLastError() and returns it.
cudaError_t remember(cudaError_t error);

// Does the work, or records it where the stream captures.
cudaError_t submit(cudaStream_t stream, std::function<void()> work);

// The error of a call that is not permitted while the calling thread captures; it ends the capture.
cudaError_t refuse_while_capturing();

}  // namespace pycnn::emulator
