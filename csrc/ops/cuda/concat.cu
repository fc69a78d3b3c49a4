#include "ops/concat.h"
#include "ops/cuda/nhwc.cuh"

namespace pycnn::cuda {
namespace {

using cpu::ConcatOffset;

// The index in the whole of element i of the part.
__device__ int index_in_whole(std::int64_t i, ConcatOffset at, const Nhwc& part,
                              const Nhwc& whole) {
  const Place p = part.place(i);
  return whole.index({p.image, p.h + at.height, p.w + at.width, p.c + at.channels});
}

__global__ void forward_kernel(std::int64_t size, ConcatOffset at, Nhwc part, Nhwc whole,
                               const float* x, float* y) {
  const std::int64_t i = global_index();
  if (i < size) y[index_in_whole(i, at, part, whole)] = x[i];
}

__global__ void backward_kernel(std::int64_t size, ConcatOffset at, Nhwc part, Nhwc whole,
                                const float* dy, float* dx) {
  const std::int64_t i = global_index();
  if (i < size) dx[i] = dy[index_in_whole(i, at, part, whole)];
}

}  // namespace

void concat_forward(ConstView x, ConcatOffset at, View y, Stream stream) {
  run_each(x.size(), forward_kernel, stream, x.size(), at, Nhwc(x), Nhwc(y), x.data, y.data);
}

void concat_backward(ConstView dy, ConcatOffset at, View dx, Stream stream) {
  run_each(dx.size(), backward_kernel, stream, dx.size(), at, Nhwc(dx), Nhwc(dy), dy.data, dx.data);
}

}  // namespace pycnn::cuda
