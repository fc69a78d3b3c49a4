#pragma once
// What the optimizers' rules have in common. A rule is a functor that updates one weight:
// `__device__ void operator()(const Update& u, std::int64_t i) const`.

#include "ops/cuda/kernel.cuh"
#include "ops/gradient.h"

namespace pycnn::cuda {

template <typename Rule>
__global__ void update_kernel(Rule rule, Update u) {
  const std::int64_t i = global_index();
  if (i < u.size && u.step->failed == 0) rule(u, i);
}

template <typename Rule>
void update_all(Rule rule, const Update& u, Stream stream) {
  run_each(u.size, update_kernel<Rule>, stream, rule, u);
}

}  // namespace pycnn::cuda
