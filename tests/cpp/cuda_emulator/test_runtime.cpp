#include <cmath>
#include <cstring>
#include <thread>

#include "support.h"

namespace pycnn::emulator_test {
namespace {

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    EXPECT_OK(cudaStreamCreateWithFlags(&stream_, flags));
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { EXPECT_OK(cudaStreamDestroy(stream_)); }
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

TEST(EmulatorMemory, IsFilledWithNaN) {
  Array<float> fresh(10);
  for (const float value : fresh.values()) EXPECT_TRUE(std::isnan(value));
}

TEST(EmulatorMemory, EndsAtTheLimit) {
  const Variable limit("PYCNN_EMULATOR_MEMORY", "1000");
  void* first = nullptr;
  void* second = nullptr;
  std::size_t free = 0, total = 0;
  EXPECT_OK(cudaMalloc(&first, 600));
  EXPECT_OK(cudaMemGetInfo(&free, &total));
  EXPECT_EQ(free, 400U);
  EXPECT_EQ(total, 1000U);
  EXPECT_CUDA(cudaErrorMemoryAllocation, cudaMalloc(&second, 401));
  EXPECT_EQ(second, nullptr);
  EXPECT_CUDA(cudaErrorMemoryAllocation, cudaGetLastError());
  EXPECT_OK(cudaMalloc(&second, 400));
  EXPECT_OK(cudaFree(first));
  EXPECT_OK(cudaFree(second));
  EXPECT_OK(cudaMemGetInfo(&free, &total));
  EXPECT_EQ(free, 1000U);
}

TEST(EmulatorMemory, FreesOnlyWhatItGave) {
  int local = 0;
  EXPECT_CUDA(cudaErrorInvalidValue, cudaFree(&local));
  EXPECT_OK(cudaFree(nullptr));
}

TEST(EmulatorMemory, CopiesInTheDirectionThatIsNamed) {
  Array<int> device(std::vector<int>{1, 2, 3});
  int host[4] = {};
  EXPECT_CUDA(cudaErrorInvalidValue, cudaMemcpy(host, device.data(), 12, cudaMemcpyHostToDevice));
  EXPECT_CUDA(cudaErrorInvalidValue, cudaMemcpy(host, device.data(), 16, cudaMemcpyDeviceToHost));
  EXPECT_CUDA(cudaErrorInvalidValue, cudaMemset(host, 0, 4));
  EXPECT_OK(cudaMemcpy(host, device.data() + 1, 8, cudaMemcpyDefault));
  EXPECT_EQ(host[0], 2);
  EXPECT_EQ(host[1], 3);
  EXPECT_OK(cudaMemset(device.data() + 1, 0, 4));
  EXPECT_EQ(device.values(), (std::vector<int>{1, 0, 3}));
}

TEST(EmulatorMemory, SaysWhoseMemoryAnAddressIsIn) {
  Array<int> device(3);
  int host = 0;
  cudaPointerAttributes attributes{};
  EXPECT_OK(cudaPointerGetAttributes(&attributes, device.data() + 2));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(attributes.device, 0);
  EXPECT_EQ(attributes.devicePointer, device.data() + 2);
  for (const void* outside : {static_cast<const void*>(&host), static_cast<const void*>(nullptr),
                              static_cast<const void*>(device.data() + 3)}) {
    EXPECT_OK(cudaPointerGetAttributes(&attributes, outside));
    EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  }
}

TEST(EmulatorMemory, PinnedMemoryIsTheHosts) {
  int* pinned = nullptr;
  EXPECT_OK(cudaMallocHost(&pinned, 2 * sizeof(int)));
  pinned[1] = 5;
  Array<int> device(2);
  EXPECT_OK(cudaMemcpy(device.data(), pinned, 8, cudaMemcpyHostToDevice));
  EXPECT_EQ(device.values()[1], 5);
  EXPECT_OK(cudaFreeHost(pinned));
}

TEST(EmulatorErrors, AreRememberedOnce) {
  EXPECT_CUDA(cudaErrorInvalidDevice, cudaSetDevice(2));
  EXPECT_CUDA(cudaErrorInvalidDevice, cudaPeekAtLastError());
  EXPECT_OK(cudaSetDevice(0));
  EXPECT_CUDA(cudaErrorInvalidDevice, cudaGetLastError());
  EXPECT_OK(cudaGetLastError());
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
}

TEST(EmulatorDevice, DescribesItself) {
  cudaDeviceProp properties;
  EXPECT_OK(cudaGetDeviceProperties(&properties, 0));
  EXPECT_STREQ(properties.name, "cuda-emulated");
  EXPECT_EQ(properties.maxThreadsPerBlock, 1024);
  int value = 0;
  EXPECT_OK(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  EXPECT_EQ(static_cast<std::size_t>(value), properties.sharedMemPerBlockOptin);
  EXPECT_CUDA(cudaErrorInvalidDevice, cudaGetDeviceProperties(&properties, 2));
  EXPECT_OK(cudaGetDeviceCount(&value));
  EXPECT_EQ(value, 2);
  EXPECT_CUDA(cudaErrorInvalidDevice, cudaGetLastError());
}

TEST(EmulatorDevice, IsTheThreadsCurrentOne) {
  std::size_t free = 0, first = 0, total = 0;
  EXPECT_OK(cudaMemGetInfo(&first, &total));
  EXPECT_OK(cudaSetDevice(1));
  int device = 0;
  EXPECT_OK(cudaGetDevice(&device));
  EXPECT_EQ(device, 1);
  std::thread([&] { EXPECT_OK(cudaGetDevice(&device)); }).join();
  EXPECT_EQ(device, 0);
  {
    Array<float> other(100);
    cudaPointerAttributes attributes;
    EXPECT_OK(cudaPointerGetAttributes(&attributes, other.data()));
    EXPECT_EQ(attributes.device, 1);
    EXPECT_OK(cudaMemGetInfo(&free, &total));
    EXPECT_EQ(free, total - 400);
    EXPECT_OK(cudaSetDevice(0));
    EXPECT_OK(cudaMemGetInfo(&free, &total));
    EXPECT_EQ(free, first);
  }
}

TEST(EmulatorDevice, RunsKernelsOnItsOwnStreams) {
  const Stream stream;
  Array<float4> values(1);
  EXPECT_OK(scale(values.data(), 2.0f, 1, stream));
  EXPECT_OK(cudaSetDevice(1));
  EXPECT_CUDA(cudaErrorInvalidResourceHandle, scale(values.data(), 2.0f, 1, stream));
  EXPECT_CUDA(cudaErrorInvalidResourceHandle, cudaGetLastError());
  EXPECT_OK(cudaSetDevice(0));
}

TEST(EmulatorLaunch, ChecksItsLimits) {
  EXPECT_OK(launch_empty(1, 1024, 0));
  EXPECT_OK(launch_empty(dim3(1, 1, 65535), 1, 0));
  for (const auto& [grid, block] : {std::pair<dim3, dim3>{0, 1},
                                    {dim3(1, 0), 1},
                                    {1, 0},
                                    {1, 1025},
                                    {1, dim3(64, 32)},
                                    {1, dim3(1, 1, 65)},
                                    {dim3(1, 65536), 1},
                                    {dim3(1, 1, 65536), 1}}) {
    EXPECT_CUDA(cudaErrorInvalidConfiguration, launch_empty(grid, block, 0));
  }
  EXPECT_CUDA(cudaErrorInvalidConfiguration, cudaGetLastError());
}

TEST(EmulatorLaunch, AsksBeforeItUsesMuchSharedMemory) {
  EXPECT_OK(launch_empty(1, 1, 48 * 1024));
  EXPECT_CUDA(cudaErrorInvalidValue, launch_empty(1, 1, 48 * 1024 + 1));
  EXPECT_CUDA(cudaErrorInvalidValue, allow_shared(227 * 1024 + 1));
  EXPECT_OK(allow_shared(100 * 1024));
  EXPECT_OK(launch_empty(1, 1, 100 * 1024));
  EXPECT_CUDA(cudaErrorInvalidValue, launch_empty(1, 1, 100 * 1024 + 1));
  EXPECT_OK(allow_shared(48 * 1024));
  EXPECT_CUDA(cudaErrorInvalidValue, cudaGetLastError());
}

std::vector<float> elements(const Array<float4>& array) {
  std::vector<float> result;
  for (const float4& v : array.values()) result.insert(result.end(), {v.x, v.y, v.z, v.w});
  return result;
}

TEST(EmulatorGraph, RecordsNowAndRunsLater) {
  const Stream stream;
  Array<float4> values(std::vector<float4>{make_float4(1, 2, 3, 4)});
  float factor_copy[4];
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  cudaStreamCaptureStatus status;

  EXPECT_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  EXPECT_OK(cudaStreamIsCapturing(stream, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  EXPECT_OK(scale(values.data(), 2.0F, 1, stream));
  EXPECT_OK(cudaMemcpyAsync(factor_copy, values.data(), 16, cudaMemcpyDeviceToHost, stream));
  EXPECT_OK(scale(values.data(), 5.0F, 1, stream));
  EXPECT_OK(cudaMemsetAsync(&values.data()->w, 0, 4, stream));
  EXPECT_OK(cudaStreamEndCapture(stream, &graph));
  EXPECT_EQ(elements(values), (std::vector<float>{1, 2, 3, 4}));

  EXPECT_OK(cudaGraphInstantiate(&executable, graph));
  EXPECT_OK(cudaGraphDestroy(graph));
  EXPECT_OK(cudaGraphLaunch(executable, stream));
  EXPECT_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(elements(values), (std::vector<float>{10, 20, 30, 0}));
  EXPECT_EQ(factor_copy[3], 8.0F);
  EXPECT_OK(cudaGraphLaunch(executable, stream));
  EXPECT_EQ(elements(values), (std::vector<float>{100, 200, 300, 0}));
  EXPECT_OK(cudaGraphExecDestroy(executable));
}

TEST(EmulatorGraph, TakesInAStreamThatWaits) {
  const Stream stream, other;
  Array<float4> values(std::vector<float4>{make_float4(1, 2, 3, 4)});
  cudaEvent_t fork = nullptr, join = nullptr;
  cudaGraph_t graph = nullptr;
  EXPECT_OK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
  EXPECT_OK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));

  EXPECT_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  EXPECT_OK(cudaEventRecord(fork, stream));
  EXPECT_OK(cudaStreamWaitEvent(other, fork));
  EXPECT_OK(scale(values.data(), 2.0F, 1, other));
  EXPECT_OK(cudaEventRecord(join, other));
  EXPECT_OK(cudaStreamWaitEvent(stream, join));
  EXPECT_OK(cudaStreamEndCapture(stream, &graph));
  EXPECT_OK(cudaGraphDestroy(graph));
  EXPECT_EQ(elements(values), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_OK(scale(values.data(), 3.0F, 1, other));
  EXPECT_EQ(elements(values), (std::vector<float>{3, 6, 9, 12}));

  EXPECT_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  EXPECT_OK(cudaEventRecord(join, other));
  EXPECT_CUDA(cudaErrorStreamCaptureIsolation, cudaStreamWaitEvent(stream, join));
  EXPECT_CUDA(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(stream, &graph));
  EXPECT_CUDA(cudaErrorStreamCaptureInvalidated, cudaGetLastError());

  EXPECT_OK(cudaEventDestroy(fork));
  EXPECT_OK(cudaEventDestroy(join));
}

// Calls that a stream that captures does not permit end the capture.
TEST(EmulatorGraph, RefusesWhatCannotBeRecorded) {
  const Stream stream(cudaStreamDefault);
  Array<float4> values(1);
  void* memory = nullptr;
  cudaGraph_t graph = nullptr;
  const auto after = [&](auto call) {
    EXPECT_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    const cudaError_t error = call();
    EXPECT_CUDA(cudaErrorStreamCaptureInvalidated, scale(values.data(), 2.0F, 1, stream));
    EXPECT_CUDA(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(stream, &graph));
    EXPECT_EQ(graph, nullptr);
    return error;
  };
  EXPECT_CUDA(cudaErrorStreamCaptureUnsupported, after([&] { return cudaMalloc(&memory, 8); }));
  EXPECT_CUDA(cudaErrorStreamCaptureUnsupported, after([&] { return cudaDeviceSynchronize(); }));
  EXPECT_CUDA(cudaErrorStreamCaptureUnsupported,
              after([&] { return cudaStreamSynchronize(stream); }));
  EXPECT_CUDA(cudaErrorStreamCaptureImplicit,
              after([&] { return scale(values.data(), 2.0F, 1, nullptr); }));
  EXPECT_CUDA(cudaErrorStreamCaptureUnsupported,
              cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal));
  EXPECT_CUDA(cudaErrorIllegalState, cudaStreamEndCapture(stream, &graph));
  EXPECT_CUDA(cudaErrorIllegalState, cudaGetLastError());
}

TEST(EmulatorEvents, MeasureTime) {
  cudaEvent_t start = nullptr, end = nullptr;
  float milliseconds = -1.0F;
  EXPECT_OK(cudaEventCreate(&start));
  EXPECT_OK(cudaEventCreate(&end));
  EXPECT_OK(cudaEventRecord(start));
  EXPECT_CUDA(cudaErrorInvalidResourceHandle, cudaEventElapsedTime(&milliseconds, start, end));
  EXPECT_OK(launch_empty(100, 100, 0));
  EXPECT_OK(cudaEventRecord(end));
  EXPECT_OK(cudaEventSynchronize(end));
  EXPECT_OK(cudaEventElapsedTime(&milliseconds, start, end));
  EXPECT_GT(milliseconds, 0.0F);
  EXPECT_OK(cudaEventDestroy(start));
  EXPECT_OK(cudaEventDestroy(end));
  EXPECT_CUDA(cudaErrorInvalidResourceHandle, cudaGetLastError());
}

}  // namespace
}  // namespace pycnn::emulator_test
