#include "cuda/stream.h"

#include <utility>

#include "cuda/device_guard.h"
#include "cuda/error.h"

namespace pycnn::cuda {

WorkStream::WorkStream() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
}

WorkStream::~WorkStream() {
  release([this] { cudaStreamDestroy(stream_); });
}

void WorkStream::synchronize() const {
  check(cudaStreamSynchronize(stream_), "waiting for the device");
}

std::shared_mutex& CapturedWork::captures() {
  static std::shared_mutex mutex;
  return mutex;
}

void CapturedWork::begin(const WorkStream& stream) {
  // Thread-local: what other threads do with the device meanwhile is their own affair.
  check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
        "beginning to capture a step");
}

void CapturedWork::abandon(const WorkStream& stream) noexcept {
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(stream.get(), &graph);
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();
}

void CapturedWork::end(const WorkStream& stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream.get(), &graph), "capturing a step");
  const cudaError_t status = cudaGraphInstantiate(&graph_, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "making a captured step ready");
}

CapturedWork& CapturedWork::operator=(CapturedWork&& other) noexcept {
  std::swap(graph_, other.graph_);
  return *this;
}

CapturedWork::~CapturedWork() {
  if (graph_ == nullptr) return;
  release([this] { cudaGraphExecDestroy(graph_); });
}

void CapturedWork::launch(const WorkStream& stream) const {
  check(cudaGraphLaunch(graph_, stream.get()), "running a captured step");
}

}  // namespace pycnn::cuda
