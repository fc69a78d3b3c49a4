#pragma once
// A stream of work on the device, and a part of it captured to be replayed.

#include <mutex>
#include <shared_mutex>

#include "cuda/cuda.h"

namespace pycnn::cuda {

class WorkStream {
 public:
  WorkStream();
  ~WorkStream();
  WorkStream(const WorkStream&) = delete;
  WorkStream& operator=(const WorkStream&) = delete;

  cudaStream_t get() const { return stream_; }
  // Waits until all is done; throws DeviceError for what went wrong in it.
  void synchronize() const;

 private:
  cudaStream_t stream_ = nullptr;
};

class CapturedWork {
 public:
  CapturedWork() = default;
  // What `work()` launches on the stream, not run yet.
  template <typename F>
  CapturedWork(const WorkStream& stream, F work) {
    const std::shared_lock capturing(captures());
    begin(stream);
    try {
      work();
    } catch (...) {
      abandon(stream);
      throw;
    }
    end(stream);
  }
  CapturedWork(CapturedWork&& other) noexcept : graph_(other.graph_) { other.graph_ = nullptr; }
  CapturedWork& operator=(CapturedWork&& other) noexcept;
  ~CapturedWork();

  void launch(const WorkStream& stream) const;

  // Nothing is captured while the result lives, in any thread.
  static std::unique_lock<std::shared_mutex> pause() { return std::unique_lock(captures()); }

 private:
  // Held by all captures together, or by who wants none.
  static std::shared_mutex& captures();
  static void begin(const WorkStream& stream);
  static void abandon(const WorkStream& stream) noexcept;
  void end(const WorkStream& stream);

  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace pycnn::cuda
