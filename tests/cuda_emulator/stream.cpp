#include <chrono>
#include <memory>
#include <vector>

#include "device.h"

using namespace pycnn::emulator;

// Work in the order in which it was recorded, which fits all dependencies.
using Nodes = std::vector<std::function<void()>>;

struct Capture {
  cudaStream_t origin;
  Nodes nodes;
  std::vector<cudaStream_t> streams;
  bool invalid = false;
};

struct CUstream_st {
  unsigned flags;
  int device;
  std::shared_ptr<Capture> capture;
};

struct CUevent_st {
  unsigned flags;
  std::chrono::steady_clock::time_point time{};
  std::weak_ptr<Capture> capture;
};

struct CUgraph_st {
  Nodes nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<const Nodes> nodes;
};

namespace {

// The captures that the calling thread began and that forbid some calls.
thread_local std::vector<std::shared_ptr<Capture>> captures;

cudaError_t invalidate(Capture& capture, cudaError_t error) {
  capture.invalid = true;
  return remember(error);
}

cudaError_t need(const void* handle) {
  return remember(handle ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

template <class Handle>
cudaError_t destroy(Handle handle) {
  if (const cudaError_t error = need(handle)) return error;
  delete handle;
  return cudaSuccess;
}

void end(const std::shared_ptr<Capture>& capture) {
  for (const cudaStream_t stream : capture->streams) stream->capture.reset();
  std::erase(captures, capture);
}

}  // namespace

namespace pycnn::emulator {

int device_of(cudaStream_t stream) { return stream ? stream->device : current_device(); }

cudaError_t submit(cudaStream_t stream, std::function<void()> work) {
  if (stream && stream->capture) {
    Capture& capture = *stream->capture;
    if (capture.invalid) return remember(cudaErrorStreamCaptureInvalidated);
    capture.nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  for (const auto& capture : captures) {  // with whose streams the null stream would synchronize
    if (!stream && capture->origin->flags == cudaStreamDefault) {
      return invalidate(*capture, cudaErrorStreamCaptureImplicit);
    }
  }
  const DeviceLock lock;
  work();
  return cudaSuccess;
}

cudaError_t refuse_while_capturing() {
  for (const auto& capture : captures) capture->invalid = true;
  return remember(captures.empty() ? cudaSuccess : cudaErrorStreamCaptureUnsupported);
}

}  // namespace pycnn::emulator

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags > cudaStreamNonBlocking) return remember(cudaErrorInvalidValue);
  *stream = new CUstream_st{flags, current_device(), {}};
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (stream && stream->capture) {
    stream->capture->invalid = true;
    end(std::shared_ptr<Capture>(stream->capture));
  }
  return destroy(stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (!stream) return refuse_while_capturing();
  if (!stream->capture) return cudaSuccess;
  return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (const cudaError_t error = need(event)) return error;
  const std::shared_ptr<Capture> capture = event->capture.lock();
  if (!stream || stream->capture == capture) return cudaSuccess;
  if (stream->capture) return invalidate(*stream->capture, cudaErrorStreamCaptureIsolation);
  stream->capture = capture;
  capture->streams.push_back(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (!stream) return remember(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) return invalidate(*stream->capture, cudaErrorIllegalState);
  stream->capture = std::make_shared<Capture>(Capture{stream, {}, {stream}});
  if (mode != cudaStreamCaptureModeRelaxed) captures.push_back(stream->capture);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!stream || !stream->capture) return remember(cudaErrorIllegalState);
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture->origin != stream) return invalidate(*capture, cudaErrorStreamCaptureUnmatched);
  end(capture);
  if (capture->invalid) return remember(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(capture->nodes)};
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = !stream || !stream->capture ? cudaStreamCaptureStatusNone
            : stream->capture->invalid  ? cudaStreamCaptureStatusInvalidated
                                        : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  *event = new CUevent_st{flags, {}, {}};
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) { return destroy(event); }

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (const cudaError_t error = need(event)) return error;
  event->time = {};
  event->capture.reset();
  if (stream && stream->capture) {
    event->capture = stream->capture;
  } else {
    event->time = std::chrono::steady_clock::now();
  }
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) { return need(event); }

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  for (const cudaEvent_t event : {start, end}) {
    if (!event || event->flags & cudaEventDisableTiming ||
        event->time == std::chrono::steady_clock::time_point{}) {
      return remember(cudaErrorInvalidResourceHandle);
    }
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  *executable = nullptr;
  if (!graph) return remember(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{std::make_shared<const Nodes>(graph->nodes)};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (!executable) return remember(cudaErrorInvalidValue);
  return submit(stream, [nodes = executable->nodes] {
    for (const auto& node : *nodes) node();
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return destroy(graph); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return destroy(executable); }
