#pragma once
// Loops over all elements of activations, for ops that treat each alone. An op is a functor with
// `__device__ float operator()(float...) const`.

#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

template <typename F>
__global__ void map_kernel(std::int64_t size, const float* x, float* y, F f) {
  const std::int64_t i = global_index();
  if (i < size) y[i] = f(x[i]);
}

template <typename F>
__global__ void map_kernel(std::int64_t size, const float* a, const float* b, float* y, F f) {
  const std::int64_t i = global_index();
  if (i < size) y[i] = f(a[i], b[i]);
}

// y = f(x), element by element.
template <typename F>
void map(ConstView x, View y, F f, Stream stream) {
  run_each(x.size(), static_cast<void (*)(std::int64_t, const float*, float*, F)>(map_kernel<F>),
           stream, x.size(), x.data, y.data, f);
}

// y = f(a, b), element by element.
template <typename F>
void map(ConstView a, ConstView b, View y, F f, Stream stream) {
  run_each(
      a.size(),
      static_cast<void (*)(std::int64_t, const float*, const float*, float*, F)>(map_kernel<F>),
      stream, a.size(), a.data, b.data, y.data, f);
}

}  // namespace pycnn::cuda
