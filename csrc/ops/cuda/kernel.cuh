#pragma once
// What every .cu file uses: launching, and the index of a thread.

#include <cstdint>

#include "cuda/error.h"
#include "cuda/launch.h"
#include "ops/cuda/view.h"

namespace pycnn::cuda {

inline constexpr int kWarp = 32;
inline constexpr int kThreads = 256;  // of a block, where nothing speaks for another number

// Blocks that give each of `count` pieces of work a thread.
inline dim3 blocks_for(std::int64_t count, int per_block = kThreads) {
  return dim3(static_cast<unsigned>((count + per_block - 1) / per_block));
}

// Launches a kernel; throws DeviceError. A grid without blocks is no launch.
template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), const Grid& grid, Stream stream, Arguments... arguments) {
  if (grid.grid.x == 0) return;
  check(launch(kernel, grid, stream, static_cast<Parameters>(arguments)...), "launching a kernel");
}

// One thread for each of `count` pieces of work.
template <class... Parameters, class... Arguments>
void run_each(std::int64_t count, void (*kernel)(Parameters...), Stream stream,
              Arguments... arguments) {
  run(kernel, {blocks_for(count), dim3(kThreads), 0}, stream, arguments...);
}

// For kernels of a Grid that `overlaps` the one before it in the stream (compute capability 9.0; a
// kernel elsewhere begins when that one has ended). Nothing that it writes may be read, nor what it
// reads written, before the first of these; the second lets the next kernel's blocks come as soon
// as there is room for them.
__device__ __forceinline__ void wait_for_predecessor() {
#if defined(PYCNN_CUDA_EMULATED) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900)
  cudaGridDependencySynchronize();
#endif
}
__device__ __forceinline__ void let_successor_start() {
#if defined(PYCNN_CUDA_EMULATED) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900)
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

// The thread's number in the grid, of one dimension.
__device__ __forceinline__ std::int64_t global_index() {
  return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}

}  // namespace pycnn::cuda
