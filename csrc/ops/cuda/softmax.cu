#include "ops/cuda/group_reduce.cuh"
#include "ops/softmax.h"

// Up to a block of threads for each position, several positions a block where there are few
// channels. Latency bounds it at the usual ten to a thousand classes.

namespace pycnn::cuda {
namespace {

// Threads threadIdx.x share position threadIdx.y of the block.
__device__ std::int64_t position() { return std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y; }

template <typename F>
__device__ float reduce_position(float* shared, float value, F combine) {
  const int threads = static_cast<int>(blockDim.x);
  return reduce(shared + threadIdx.y * threads, 1, static_cast<int>(threadIdx.x), threads, value,
                combine);
}

struct Max {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

__global__ void forward_kernel(std::int64_t positions, std::uint32_t channels, const float* x,
                               float* y) {
  __shared__ float shared[kThreads];
  const std::uint32_t n = position() < positions ? channels : 0;
  x += position() * channels;
  y += position() * channels;
  float largest = -INFINITY;
  for (std::uint32_t c = threadIdx.x; c < n; c += blockDim.x) largest = fmaxf(largest, x[c]);
  largest = reduce_position(shared, largest, Max{});
  float sum = 0.0f;
  for (std::uint32_t c = threadIdx.x; c < n; c += blockDim.x) {
    const float e = expf(x[c] - largest);
    y[c] = e;
    sum += e;
  }
  sum = reduce_position(shared, sum, Sum{});
  for (std::uint32_t c = threadIdx.x; c < n; c += blockDim.x) y[c] /= sum;
}

__global__ void backward_kernel(std::int64_t positions, std::uint32_t channels, const float* dy,
                                const float* y, float* dx) {
  __shared__ float shared[kThreads];
  const std::uint32_t n = position() < positions ? channels : 0;
  dy += position() * channels;
  y += position() * channels;
  dx += position() * channels;
  float dot = 0.0f;
  for (std::uint32_t c = threadIdx.x; c < n; c += blockDim.x) dot += dy[c] * y[c];
  dot = reduce_position(shared, dot, Sum{});
  for (std::uint32_t c = threadIdx.x; c < n; c += blockDim.x) dx[c] = y[c] * (dy[c] - dot);
}

Grid grid_for(std::int64_t positions, int channels) {
  const int threads = power_of_two(channels, kThreads);
  const int rows = power_of_two(positions, kThreads / threads);
  return {blocks_for(positions, rows),
          dim3(static_cast<unsigned>(threads), static_cast<unsigned>(rows))};
}

}  // namespace

void softmax_forward(ConstView x, View y, Stream stream) {
  run(forward_kernel, grid_for(x.positions(), x.channels), stream, x.positions(), x.channels,
      x.data, y.data);
}

void softmax_backward(ConstView dy, ConstView y, View dx, Stream stream) {
  run(backward_kernel, grid_for(y.positions(), y.channels), stream, y.positions(), y.channels,
      dy.data, y.data, dx.data);
}

}  // namespace pycnn::cuda
