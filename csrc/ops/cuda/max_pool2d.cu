#include "ops/cuda/pool_window.cuh"
#include "ops/max_pool2d.h"

// Bytes bound these kernels: a thread has one element of the result, neighbours have neighbouring
// channels, and what windows share comes from the cache.

namespace pycnn::cuda {
namespace {

__global__ void forward_kernel(WindowGeometry g, std::int64_t size, Nhwc in, Nhwc out,
                               const float* x, float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = out.place(i);
  const Window window = window_of(g, p.h, p.w);
  float largest = x[in.index({p.image, window.top, window.left, p.c})];
  for (int h = window.top; h < window.bottom; ++h) {
    for (int w = window.left; w < window.right; ++w) {
      const float v = x[in.index({p.image, h, w, p.c})];
      // The second test lets NaN win; once it has, nothing compares greater.
      largest = v > largest || v != v ? v : largest;
    }
  }
  y[i] = largest;
}

__device__ bool is_maximum(float v, float largest) {
  return v == largest || (v != v && largest != largest);
}

// Whether a maximum stands before (h, w) in the window.
__device__ bool is_taken(const Window& window, int h, int w, Place p, const Nhwc& in,
                         const float* x, float largest) {
  for (int i = window.top; i <= h; ++i) {
    const int end = i == h ? w : window.right;
    for (int j = window.left; j < end; ++j) {
      if (is_maximum(x[in.index({p.image, i, j, p.c})], largest)) return true;
    }
  }
  return false;
}

__global__ void backward_kernel(WindowGeometry g, std::int64_t size, Nhwc in, Nhwc out,
                                const float* dy, const float* x, const float* y, float* dx) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = in.place(i);
  const float v = x[i];
  float sum = 0.0f;
  for_each_window_of(g, p.h, p.w, [&](int oh, int ow) {
    const int o = out.index({p.image, oh, ow, p.c});
    const float largest = y[o];
    if (!is_maximum(v, largest)) return;
    if (!is_taken(window_of(g, oh, ow), p.h, p.w, p, in, x, largest)) sum += dy[o];
  });
  dx[i] = sum;
}

}  // namespace

void max_pool2d_forward(const WindowGeometry& g, ConstView x, View y, Stream stream) {
  run_each(y.size(), forward_kernel, stream, g, y.size(), Nhwc(x), Nhwc(y), x.data, y.data);
}

void max_pool2d_backward(const WindowGeometry& g, ConstView dy, ConstView x, ConstView y, View dx,
                         Stream stream) {
  run_each(x.size(), backward_kernel, stream, g, x.size(), Nhwc(x), Nhwc(y), dy.data, x.data,
           y.data, dx.data);
}

}  // namespace pycnn::cuda
