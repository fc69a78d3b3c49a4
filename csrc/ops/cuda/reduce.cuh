#pragma once
// Sums over the threads of a block, in one fixed order: a tree in every warp, then one over the
// warps.

#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

template <typename T>
__device__ T warp_sum(T value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, offset);
  }
  return value;  // of lane 0
}

// The sum of all threads' values, for every thread. All threads of the block must call it; blocks
// are whole warps, 1024 threads at most.
template <typename T>
__device__ T block_sum(T value) {
  __shared__ T sums[kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int warps = blockDim.x / kWarp;
  value = warp_sum(value);
  __syncthreads();  // an earlier sum has been read
  if (lane == 0) sums[warp] = value;
  __syncthreads();
  if (warp == 0) {
    value = warp_sum(lane < warps ? sums[lane] : T{});
    if (lane == 0) sums[0] = value;
  }
  __syncthreads();
  return sums[0];
}

}  // namespace pycnn::cuda
