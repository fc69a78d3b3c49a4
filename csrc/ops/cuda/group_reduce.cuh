#pragma once
// Sums and the like over groups of a block's threads, as a tree that depends on their number alone.

#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

// The smallest power of two that is at least `count`, but at most `most`, itself one.
inline int power_of_two(std::int64_t count, int most) {
  int power = 1;
  while (power < count && power < most) power *= 2;
  return power;
}

struct Sum {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

// combine(value of thread 0, ..., value of thread count - 1), for all of them. `values` is their
// shared memory, thread i's place at i * stride. count: a power of two, the same for the whole
// block, whose threads must all call this, for it waits.
template <typename T, typename F>
__device__ T reduce(T* values, int stride, int thread, int count, T value, F combine) {
  T* const own = values + thread * stride;
  *own = value;
  for (int half = count / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) *own = combine(*own, own[half * stride]);
  }
  __syncthreads();
  const T result = values[0];
  __syncthreads();  // the memory is free for the next
  return result;
}

}  // namespace pycnn::cuda
