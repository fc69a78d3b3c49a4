#pragma once
// Softmax cross-entropy of a small net's images, a warp for each; the formulas are in ops/loss.h.

#include "ops/cuda/small_net_block.cuh"

namespace pycnn::cuda::small_net {

// combine over all lanes, for all of them; the order is fixed.
template <typename T, typename F>
__device__ __forceinline__ T over_lanes(T value, F combine) {
  for (int other = kWarp / 2; other > 0; other /= 2) {
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, other));
  }
  return value;
}

struct Larger {  // NaN if one is NaN
  __device__ float operator()(float a, float b) const { return b > a || b != b ? b : a; }
};
struct Plus {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

__device__ inline std::int64_t row_of(const Step& step, int i) {
  const std::int64_t position = step.first + i;
  return step.order != nullptr ? step.order[position] : position;
}

// Puts the gradient in place of the logits.
__device__ inline void loss(const Block& b) {
  const Net& net = b.net;
  const int lane = threadIdx.x % kWarp, warps = blockDim.x / kWarp;
  const int classes = net.denses[net.dense_count - 1].g.outputs;
  for (int n = threadIdx.x / kWarp; n < b.images; n += warps) {
    const auto* labels = static_cast<const std::int64_t*>(*net.labels.data);
    const int label = static_cast<int>(labels[row_of(*net.step, b.first + n)]);
    float* z = b.image(n) + net.logits;
    const float mine = z[label];
    float largest = -INFINITY;
    int higher = 0;
    for (int c = lane; c < classes; c += kWarp) {
      largest = Larger{}(largest, z[c]);
      higher += (c < label ? z[c] >= mine : z[c] > mine) ? 1 : 0;
    }
    largest = over_lanes(largest, Larger{});
    higher = over_lanes(higher, Plus{});
    float sum = 0;
    for (int c = lane; c < classes; c += kWarp) sum += expf(z[c] - largest);
    sum = over_lanes(sum, Plus{});
    const float share = 1.0f / sum;
    __syncwarp();  // all lanes have read the logits that are written now
    for (int c = lane; c < classes; c += kWarp) {
      z[c] = (expf(z[c] - largest) * share - (c == label ? 1.0f : 0.0f)) * net.loss_scale;
    }
    if (lane > 0 || b.twin > 0) continue;
    const float value = logf(sum) - (mine - largest);
    net.losses[b.first + n] = value;
    net.ranks[b.first + n] = mine == mine ? higher : classes;
    if (!isfinite(value)) net.step->failed = 1;
  }
  __syncthreads();
}

}  // namespace pycnn::cuda::small_net
