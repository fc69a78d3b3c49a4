#include "ops/cuda/kernel.cuh"
#include "ops/gather.h"

namespace pycnn::cuda {
namespace {

template <typename T>
__global__ void gather_kernel(Rows x, float scale, float offset, int row_size, std::int64_t size,
                              float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const std::int64_t position = x.step->first + i / row_size;
  const std::int64_t row = x.step->order != nullptr ? x.step->order[position] : position;
  const T* from = static_cast<const T*>(*x.data) + row * row_size;
  y[i] = static_cast<float>(from[i % row_size]) * scale + offset;
}

}  // namespace

void gather(const Rows& x, float scale, float offset, View y, Stream stream) {
  const int row_size = static_cast<int>(y.size() / y.batch);
  run_each(y.size(), x.dtype == DType::uint8 ? gather_kernel<std::uint8_t> : gather_kernel<float>,
           stream, x, scale, offset, row_size, y.size(), y.data);
}

}  // namespace pycnn::cuda
