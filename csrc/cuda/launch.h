#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "cuda/cuda.h"
#include "cuda/probe.h"

namespace pycnn::cuda {

// How many blocks, of how many threads, each with how much dynamic shared memory.
struct Grid {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  // May begin while the kernel before it in the stream still runs: it waits for that one itself.
  bool overlaps = false;
};

// Whether kernels know how to wait: they do in code compiled for compute capability 9.0 and later,
// which a newer GPU need not be running. Asked once.
inline bool can_overlap() {
  static const bool can = compiled_capability() >= 90;
  return can;
}

// What launches() of cuda/device.h tells.
inline std::atomic<std::int64_t>& launch_count() {
  static std::atomic<std::int64_t> count{0};
  return count;
}

// All kernels are launched here. Arguments are converted to the kernel's parameters by value.
template <class... Parameters, class... Arguments>
[[nodiscard]] cudaError_t launch(void (*kernel)(Parameters...), const Grid& grid,
                                 cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid.grid;
  config.blockDim = grid.block;
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = stream;
  cudaLaunchAttribute overlap{};
  if (grid.overlaps && can_overlap()) {
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    config.attrs = &overlap;
    config.numAttrs = 1;
  }
  ++launch_count();
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

}  // namespace pycnn::cuda
