#pragma once
// What a block of small_net's `images` kernel knows, and how its threads share work.

#include "ops/cuda/kernel.cuh"
#include "ops/cuda/small_net.h"

namespace pycnn::cuda::small_net {

struct Block {
  const Net& net;
  float* shared;  // the dynamic shared memory
  int first;      // of the block's images in the batch
  int images;
  int twin;  // which of the blocks with these images

  __device__ float* image(int i) const { return shared + net.image_at + i * net.image_size; }
  __device__ std::uint8_t* codes(int i, const Conv& c) const {
    return reinterpret_cast<std::uint8_t*>(image(i) + c.codes);
  }
};

// f(i) for all i below count, one thread for each.
template <typename F>
__device__ __forceinline__ void share(int count, F f) {
  for (int i = threadIdx.x; i < count; i += blockDim.x) f(i);
}

}  // namespace pycnn::cuda::small_net
