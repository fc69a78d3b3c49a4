#include "cuda/timer.h"

#include <memory>

#include "cuda/device.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "cuda/stream.h"

namespace pycnn::cuda {
namespace {

constexpr const char* kWhat = "measuring time";

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), kWhat); }
  ~Event() {
    release([this] { cudaEventDestroy(event_); });
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  cudaEvent_t get() const { return event_; }
  // Nothing else is on the stream: the time is that of the call.
  void record(const WorkStream& stream) {
    check(cudaEventRecord(event_, stream.get()), kWhat);
    check(cudaEventSynchronize(event_), kWhat);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

struct Timer {
  WorkStream stream;
  Event first, last;

  double seconds() {
    const DeviceGuard guard;
    last.record(stream);
    float milliseconds = 0.0f;
    check(cudaEventElapsedTime(&milliseconds, first.get(), last.get()), kWhat);
    return double(milliseconds) / 1000;
  }
};

}  // namespace

std::function<double()> start_timer() {
  require();
  const DeviceGuard guard;
  const auto timer = std::make_shared<Timer>();
  timer->first.record(timer->stream);
  return [timer] { return timer->seconds(); };
}

}  // namespace pycnn::cuda
