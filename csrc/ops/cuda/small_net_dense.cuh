#pragma once
// Dense layers and the loss of a small net, for the images of a block (N: how many there may be).
// The weights of a layer pass once, forward and backward, for all of them; they come from shared
// memory, where they were copied while the convolutions ran, or from the second-level cache: for
// LeNet-5's 59,000 at 64 bytes a cycle 3700 cycles each way, from shared memory 1900.

#include "ops/cuda/small_net_block.cuh"

#ifndef PYCNN_CUDA_EMULATED
#include <cuda_pipeline.h>
#endif

namespace pycnn::cuda::small_net {

// Begins to copy weights into the block's memory; finish_copies waits for the thread's own ones.
__device__ inline void begin_copy(const Block& b, const Dense& d) {
  if (d.resident < 0) return;
  // The gap behind a weight array makes whole float4's.
  share((d.g.inputs * d.g.outputs + 3) / 4, [&](int i) {
    auto* to = reinterpret_cast<float4*>(b.shared + d.resident) + i;
    const auto* from = reinterpret_cast<const float4*>(d.kernel) + i;
#ifdef PYCNN_CUDA_EMULATED
    *to = *from;
#else
    __pipeline_memcpy_async(to, from, sizeof(float4));
#endif
  });
}

__device__ __forceinline__ void finish_copies() {
#ifndef PYCNN_CUDA_EMULATED
  __pipeline_commit();
  __pipeline_wait_prior(0);
#endif
}

template <int V>
__device__ __forceinline__ void load_vector(const float* from, float (&to)[V]) {
  static_assert(V == 1 || V == 4);
  if constexpr (V == 1) {
    to[0] = *from;
  } else {
    const float4 v = *reinterpret_cast<const float4*>(from);
    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
  }
}

__device__ __forceinline__ const float* kernel_of(const Block& b, const Dense& d) {
  return d.resident >= 0 ? b.shared + d.resident : d.kernel;
}

// Where a layer's output lies in the image's memory, and later its gradient.
__device__ __forceinline__ int output_of(const Net& net, int layer) {
  return layer + 1 < net.dense_count ? net.denses[layer + 1].x : net.logits;
}

// y = x w + b, then ReLU. A warp takes every 16th input, a lane V neighbouring outputs; then the
// warps' sums are added in order.
template <int N, int V>
__device__ void dense_forward(const Block& b, int layer) {
  const Dense& d = b.net.denses[layer];
  const float* w = kernel_of(b, d);
  const float* x[N];
#pragma unroll
  for (int n = 0; n < N; ++n) x[n] = b.image(min(n, b.images - 1)) + d.x;
  float* sums = b.shared + b.net.sums;
  const int outputs = d.g.outputs, warps = blockDim.x / kWarp;
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  for (int o = lane * V; o < outputs; o += kWarp * V) {
    float acc[N][V] = {};
#pragma unroll 8
    for (int i = warp; i < d.g.inputs; i += warps) {
      float weights[V];
      load_vector<V>(w + i * outputs + o, weights);
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const float value = x[n][i];
#pragma unroll
        for (int v = 0; v < V; ++v) acc[n][v] += value * weights[v];
      }
    }
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int v = 0; v < V; ++v) sums[(warp * N + n) * outputs + o + v] = acc[n][v];
    }
  }
  __syncthreads();
  share(b.images * outputs, [&](int i) {
    const int n = i / outputs, o = i % outputs;
    float y = d.bias != nullptr ? d.bias[o] : 0.0f;
    for (int s = 0; s < warps; ++s) y += sums[(s * N + n) * outputs + o];
    if (d.relu) y = y > 0.0f || y != y ? y : 0.0f;
    b.image(n)[output_of(b.net, layer) + o] = y;
  });
  __syncthreads();
}

// dx = dz w^T in place of x, and 0 where the ReLU before it gave 0 (`relu`). Eight lanes share a
// row of weights.
template <int N, int V>
__device__ void dense_backward(const Block& b, int layer, bool relu) {
  constexpr int kLanes = 8, kRows = kWarp / kLanes;
  const Dense& d = b.net.denses[layer];
  const float* w = kernel_of(b, d);
  const float* dz[N];
#pragma unroll
  for (int n = 0; n < N; ++n) dz[n] = b.image(min(n, b.images - 1)) + output_of(b.net, layer);
  const int outputs = d.g.outputs, warps = blockDim.x / kWarp;
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kLanes;
  for (int first = warp * kRows; first < d.g.inputs; first += warps * kRows) {
    const int row = first + static_cast<int>(threadIdx.x) % kWarp / kLanes;
    float acc[N] = {};
#pragma unroll 4
    for (int o = lane * V; o < outputs && row < d.g.inputs; o += kLanes * V) {
      float weights[V];
      load_vector<V>(w + row * outputs + o, weights);
#pragma unroll
      for (int n = 0; n < N; ++n) {
        float gradient[V];
        load_vector<V>(dz[n] + o, gradient);
#pragma unroll
        for (int v = 0; v < V; ++v) acc[n] += gradient[v] * weights[v];
      }
    }
#pragma unroll
    for (int n = 0; n < N; ++n) {
      for (int other = kLanes / 2; other > 0; other /= 2) {
        acc[n] += __shfl_xor_sync(0xffffffffu, acc[n], other);
      }
      if (lane > 0 || row >= d.g.inputs || n >= b.images) continue;
      float& x = b.image(n)[d.x + row];
      x = !relu || x > 0.0f ? acc[n] : 0.0f;
    }
  }
  __syncthreads();
}

// What the weights' gradient is made of.
__device__ inline void save_x(const Block& b, const Dense& d) {
  share(b.images * d.x_row(), [&](int i) {
    const int n = i / d.x_row(), k = i % d.x_row();
    d.saved_x[std::int64_t{b.first} * d.x_row() + i] = k < d.g.inputs    ? b.image(n)[d.x + k]
                                                       : k == d.g.inputs ? 1.0f
                                                                         : 0.0f;
  });
}

__device__ inline void save_dz(const Block& b, int layer) {
  const Dense& d = b.net.denses[layer];
  const int dz = output_of(b.net, layer);
  share(b.images * d.dz_row(), [&](int i) {
    const int n = i / d.dz_row(), o = i % d.dz_row();
    d.saved_dz[std::int64_t{b.first} * d.dz_row() + i] =
        o < d.g.outputs ? b.image(n)[dz + o] : 0.0f;
  });
}

template <int N>
__device__ void dense_chain_forward(const Block& b) {
  for (int i = 0; i < b.net.dense_count; ++i) {
    const Dense& d = b.net.denses[i];
    if (b.twin == 0) save_x(b, d);
    d.g.outputs % 4 == 0 ? dense_forward<N, 4>(b, i) : dense_forward<N, 1>(b, i);
  }
}

// From the gradient of the logits, which lies in their place.
template <int N>
__device__ void dense_chain_backward(const Block& b) {
  for (int i = b.net.dense_count - 1; i >= 0; --i) {
    if (b.twin == 0) save_dz(b, i);
    if (i == 0 && b.net.conv_count == 0) return;
    const bool relu = i > 0 && b.net.denses[i - 1].relu;  // of convolutions the codes tell
    b.net.denses[i].g.outputs % 4 == 0 ? dense_backward<N, 4>(b, i, relu)
                                       : dense_backward<N, 1>(b, i, relu);
  }
}

}  // namespace pycnn::cuda::small_net
