#include "ops/cuda/channel_tile.cuh"
#include "ops/global_max_pool2d.h"

namespace pycnn::cuda {
namespace {

struct Largest {
  // The second test lets NaN win; once it has, nothing compares greater.
  __device__ float operator()(float a, float b) const { return b > a || b != b ? b : a; }
};

struct First {
  __device__ std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return a < b ? a : b;
  }
};

__device__ bool is_maximum(float v, float largest) {
  return v == largest || (v != v && largest != largest);
}

__global__ void forward_kernel(std::uint32_t positions, std::uint32_t channels,
                               std::uint32_t groups, const float* x, float* y) {
  __shared__ float shared[kThreads];
  const ChannelOfPart at = channel_of_part(groups);  // the parts are the images
  const bool inside = at.channel < channels;
  x += at.part * positions * channels + at.channel;
  const Largest larger;
  float largest = inside ? x[0] : 0.0f;
  for (std::uint32_t i = threadIdx.y; inside && i < positions; i += blockDim.y) {
    largest = larger(largest, x[i * channels]);
  }
  largest = reduce_rows(shared, largest, larger);
  if (threadIdx.y == 0 && inside) y[at.part * channels + at.channel] = largest;
}

__global__ void backward_kernel(std::uint32_t positions, std::uint32_t channels,
                                std::uint32_t groups, const float* dy, const float* x,
                                const float* y, float* dx) {
  __shared__ std::uint32_t shared[kThreads];
  const ChannelOfPart at = channel_of_part(groups);
  const bool inside = at.channel < channels;
  const std::uint32_t end = inside ? positions : 0, o = at.part * channels + at.channel;
  const float largest = inside ? y[o] : 0.0f, gradient = inside ? dy[o] : 0.0f;
  x += at.part * positions * channels + at.channel;
  dx += at.part * positions * channels + at.channel;
  std::uint32_t first = threadIdx.y;
  while (first < end && !is_maximum(x[first * channels], largest)) first += blockDim.y;
  first = reduce_rows(shared, first, First{});
  for (std::uint32_t i = threadIdx.y; i < end; i += blockDim.y) {
    dx[i * channels] = i == first ? gradient : 0.0f;
  }
}

}  // namespace

void global_max_pool2d_forward(ConstView x, View y, Stream stream) {
  const int positions = x.height * x.width;
  const ChannelTile tile(x.channels, positions, kThreads);
  run(forward_kernel, tile.grid(x.batch), stream, positions, x.channels, tile.groups, x.data,
      y.data);
}

void global_max_pool2d_backward(ConstView dy, ConstView x, ConstView y, View dx, Stream stream) {
  const int positions = x.height * x.width;
  const ChannelTile tile(x.channels, positions, kThreads);
  run(backward_kernel, tile.grid(x.batch), stream, positions, x.channels, tile.groups, dy.data,
      x.data, y.data, dx.data);
}

}  // namespace pycnn::cuda
