#include "ops/cuda/nhwc.cuh"
#include "ops/zero_pad2d.h"

namespace pycnn::cuda {
namespace {

__global__ void forward_kernel(std::int64_t size, int top, int left, Nhwc in, Nhwc out,
                               const float* x, float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = out.place(i);
  const int h = p.h - top, w = p.w - left;
  const bool inside = h >= 0 && h < in.height && w >= 0 && w < in.width;
  y[i] = inside ? x[in.index({p.image, h, w, p.c})] : 0.0f;
}

__global__ void backward_kernel(std::int64_t size, int top, int left, Nhwc in, Nhwc out,
                                const float* dy, float* dx) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = in.place(i);
  dx[i] = dy[out.index({p.image, p.h + top, p.w + left, p.c})];
}

}  // namespace

void zero_pad2d_forward(int top, int left, ConstView x, View y, Stream stream) {
  run_each(y.size(), forward_kernel, stream, y.size(), top, left, Nhwc(x), Nhwc(y), x.data, y.data);
}

void zero_pad2d_backward(int top, int left, ConstView dy, View dx, Stream stream) {
  run_each(dx.size(), backward_kernel, stream, dx.size(), top, left, Nhwc(dx), Nhwc(dy), dy.data,
           dx.data);
}

}  // namespace pycnn::cuda
