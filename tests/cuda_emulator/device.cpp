#include "device.h"

#include <cstdlib>
#include <map>

#include "block.h"

using namespace pycnn::emulator;

namespace {

thread_local cudaError_t last_error = cudaSuccess;

std::map<const void*, std::size_t>& allowed_shared_bytes() {
  static std::map<const void*, std::size_t> bytes;
  return bytes;
}

cudaError_t check(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3& grid = config.gridDim;
  const dim3& block = config.blockDim;
  if (!kernel) return cudaErrorInvalidDeviceFunction;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    if (config.attrs[i].id != cudaLaunchAttributeIgnore &&
        config.attrs[i].id != cudaLaunchAttributeProgrammaticStreamSerialization) {
      return cudaErrorNotSupported;
    }
  }
  if (grid.x == 0 || grid.x > 0x7FFFFFFF || grid.y == 0 || grid.y > 65535 || grid.z == 0 ||
      grid.z > 65535 || block.x == 0 || block.x > kThreadsPerBlock || block.y == 0 ||
      block.y > kThreadsPerBlock || block.z == 0 || block.z > 64 ||
      block.x * block.y * block.z > kThreadsPerBlock) {
    return cudaErrorInvalidConfiguration;
  }
  const auto allowed = allowed_shared_bytes().find(kernel);
  const std::size_t limit =
      allowed == allowed_shared_bytes().end() ? kSharedBytes : allowed->second;
  return config.dynamicSmemBytes > limit ? cudaErrorInvalidValue : cudaSuccess;
}

cudaError_t check_device(int device) {
  return remember(device >= 0 && device < kDevices ? cudaSuccess : cudaErrorInvalidDevice);
}

int first_device() {
  const char* const device = std::getenv("PYCNN_EMULATOR_DEVICE");
  return device && *device ? std::atoi(device) : 0;
}

thread_local int current = first_device();

}  // namespace

namespace pycnn::emulator {

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

int current_device() { return current; }

cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel,
                   std::function<void()> thread) {
  {
    const DeviceLock lock;
    if (const cudaError_t error = check(config, kernel)) return remember(error);
    if (device_of(config.stream) != current) return remember(cudaErrorInvalidResourceHandle);
  }
  return submit(config.stream,
                [grid = config.gridDim, block = config.blockDim, bytes = config.dynamicSmemBytes,
                 thread = std::move(thread)] { run_grid(grid, block, bytes, thread); });
}

}  // namespace pycnn::emulator

#define PYCNN_NAME(name, value, text) \
  case name:                          \
    return #name;
#define PYCNN_TEXT(name, value, text) \
  case name:                          \
    return text;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) { PYCNN_CUDA_ERRORS(PYCNN_NAME) }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) { PYCNN_CUDA_ERRORS(PYCNN_TEXT) }
  return "unrecognized error code";
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = kDevices;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (const cudaError_t error = check_device(device)) return error;
  current = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (const cudaError_t error = check_device(device)) return error;
  *properties = {.name = "cuda-emulated",
                 .totalGlobalMem = memory_limit(),
                 .sharedMemPerBlock = kSharedBytes,
                 .sharedMemPerBlockOptin = kOptInSharedBytes,
                 .warpSize = warpSize,
                 .maxThreadsPerBlock = kThreadsPerBlock,
                 .major = 9,
                 .minor = 0,
                 .multiProcessorCount = 4};
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device)) return error;
  const std::map<cudaDeviceAttr, int> values{
      {cudaDevAttrMaxThreadsPerBlock, properties.maxThreadsPerBlock},
      {cudaDevAttrMaxSharedMemoryPerBlock, static_cast<int>(properties.sharedMemPerBlock)},
      {cudaDevAttrWarpSize, properties.warpSize},
      {cudaDevAttrMultiProcessorCount, properties.multiProcessorCount},
      {cudaDevAttrComputeCapabilityMajor, properties.major},
      {cudaDevAttrComputeCapabilityMinor, properties.minor},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin,
       static_cast<int>(properties.sharedMemPerBlockOptin)}};
  const auto found = values.find(attribute);
  if (found == values.end()) return remember(cudaErrorInvalidValue);
  *value = found->second;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() { return refuse_while_capturing(); }

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  const DeviceLock lock;
  if (!kernel) return remember(cudaErrorInvalidDeviceFunction);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
      static_cast<std::size_t>(value) > kOptInSharedBytes) {
    return remember(cudaErrorInvalidValue);
  }
  allowed_shared_bytes()[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}
