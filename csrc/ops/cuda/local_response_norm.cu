#include "ops/cuda/nhwc.cuh"
#include "ops/local_response_norm.h"

// A thread for each element. The channels of a place lie next to each other, so its window is a run
// of memory around it, which its neighbours have brought into the cache.

namespace pycnn::cuda {
namespace {

using Geometry = cpu::LocalResponseNormGeometry;

// Indices of a channel's window, half open: channels beyond the first and the last do not exist.
struct Range {
  std::int64_t begin, end;
};

__device__ Range window(std::int64_t i, int c, int channels, int before, int after) {
  const int left = channels - 1 - c;
  return {i - (before < c ? before : c), i + (after < left ? after : left) + 1};
}

__device__ float scale(const Geometry& g, const float* x, std::int64_t i, int c, int channels) {
  const Range range = window(i, c, channels, g.before, g.after);
  float squares = 0.0f;
  for (std::int64_t j = range.begin; j < range.end; ++j) squares += x[j] * x[j];
  return g.k + g.alpha * squares;
}

// s^-beta. powf may be off by more than the bound of the tests grants where s is near 1.
__device__ float factor(const Geometry& g, float s) { return expf(-g.beta * logf(s)); }

__global__ void forward_kernel(Geometry g, std::int64_t size, int channels, Divider by_channels,
                               const float* x, float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  y[i] = x[i] * factor(g, scale(g, x, i, channel_of(by_channels, i), channels));
}

// dy_j x_j / s_j^(beta+1)
__device__ float share(const Geometry& g, const float* dy, const float* x, std::int64_t j, int c,
                       int channels) {
  const float s = scale(g, x, j, c, channels);
  return dy[j] * factor(g, s) * x[j] / s;
}

constexpr int kShares = 2 * kThreads;

// Each share goes into the sums of a window's channels, so the block works out those that its
// elements need once: they are a run as well. Wide windows take several rounds.
__global__ void backward_kernel(Geometry g, std::int64_t size, int channels, Divider by_channels,
                                const float* dy, const float* x, float* dx) {
  __shared__ float shares[kShares];
  const std::int64_t i = global_index(), first = i - threadIdx.x;
  const int c = channel_of(by_channels, i);
  // x_c is in the sums of the channels whose window reaches it: the window mirrored.
  const Range own = i < size ? window(i, c, channels, g.after, g.before) : Range{0, 0};
  const std::int64_t begin = first > g.after ? first - g.after : 0;
  const std::int64_t stop = first + blockDim.x + g.before, end = stop < size ? stop : size;
  float sum = 0.0f;
  for (std::int64_t from = begin; from < end; from += kShares) {
    const std::int64_t to = from + kShares < end ? from + kShares : end;
    for (std::int64_t j = from + threadIdx.x; j < to; j += blockDim.x) {
      shares[j - from] = share(g, dy, x, j, channel_of(by_channels, j), channels);
    }
    __syncthreads();
    const std::int64_t last = own.end < to ? own.end : to;
    for (std::int64_t j = own.begin > from ? own.begin : from; j < last; ++j) {
      sum += shares[j - from];
    }
    __syncthreads();
  }
  if (i >= size) return;
  const float direct = dy[i] * factor(g, scale(g, x, i, c, channels));
  dx[i] = direct - 2.0f * g.alpha * g.beta * x[i] * sum;
}

}  // namespace

void local_response_norm_forward(const Geometry& g, ConstView x, View y, Stream stream) {
  run_each(x.size(), forward_kernel, stream, g, x.size(), x.channels,
           Divider(static_cast<unsigned>(x.channels)), x.data, y.data);
}

void local_response_norm_backward(const Geometry& g, ConstView dy, ConstView x, View dx,
                                  Stream stream) {
  run_each(x.size(), backward_kernel, stream, g, x.size(), x.channels,
           Divider(static_cast<unsigned>(x.channels)), dy.data, x.data, dx.data);
}

}  // namespace pycnn::cuda
