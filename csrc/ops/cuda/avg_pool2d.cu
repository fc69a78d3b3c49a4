#include "ops/avg_pool2d.h"
#include "ops/cuda/pool_window.cuh"

// Bytes bound these kernels, see max_pool2d.cu.

namespace pycnn::cuda {
namespace {

__device__ float count(Window window) {
  return static_cast<float>((window.bottom - window.top) * (window.right - window.left));
}

__global__ void forward_kernel(WindowGeometry g, std::int64_t size, Nhwc in, Nhwc out,
                               const float* x, float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = out.place(i);
  const Window window = window_of(g, p.h, p.w);
  float sum = 0.0f;
  for (int h = window.top; h < window.bottom; ++h) {
    for (int w = window.left; w < window.right; ++w) sum += x[in.index({p.image, h, w, p.c})];
  }
  y[i] = sum / count(window);
}

__global__ void backward_kernel(WindowGeometry g, std::int64_t size, Nhwc in, Nhwc out,
                                const float* dy, float* dx) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = in.place(i);
  float sum = 0.0f;
  for_each_window_of(g, p.h, p.w, [&](int oh, int ow) {
    sum += dy[out.index({p.image, oh, ow, p.c})] / count(window_of(g, oh, ow));
  });
  dx[i] = sum;
}

}  // namespace

void avg_pool2d_forward(const WindowGeometry& g, ConstView x, View y, Stream stream) {
  run_each(y.size(), forward_kernel, stream, g, y.size(), Nhwc(x), Nhwc(y), x.data, y.data);
}

void avg_pool2d_backward(const WindowGeometry& g, ConstView dy, View dx, Stream stream) {
  run_each(dx.size(), backward_kernel, stream, g, dx.size(), Nhwc(dx), Nhwc(dy), dy.data, dx.data);
}

}  // namespace pycnn::cuda
