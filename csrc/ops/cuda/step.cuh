#pragma once
// The end of a step, for the kernels that make it.

#include "ops/cuda/reduce.cuh"
#include "ops/cuda/step.h"

namespace pycnn::cuda {

__device__ inline void add_losses(const Results& r) {
  for (int o = 0; o < r.outputs; ++o) {
    double sum = 0;
    for (int i = threadIdx.x; i < r.count; i += blockDim.x) {
      sum += double(r.losses[std::int64_t{o} * r.count + i]);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) r.loss_sums[o] += sum;
  }
}

__device__ inline void add_hits(const Results& r) {
  for (int e = 0; e < r.ks; ++e) {
    const std::int32_t* ranks = r.ranks + std::int64_t{r.output_of_k[e]} * r.count;
    double hits = 0;
    for (int i = threadIdx.x; i < r.count; i += blockDim.x) hits += ranks[i] < r.k[e] ? 1 : 0;
    hits = block_sum(hits);
    if (threadIdx.x == 0) r.hits[e] += static_cast<std::int64_t>(hits);
  }
}

__device__ inline void add_penalties(const Results& r) {
  double sum = 0;
  for (int p = threadIdx.x; p < r.pieces; p += blockDim.x) sum += r.penalties[p];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *r.penalty_sum += sum * r.count;
}

// By one block: sums in one order.
__device__ inline void add_results(const Results& r) {
  add_losses(r);
  add_hits(r);
  if (r.pieces > 0) add_penalties(r);
}

// By one thread, when no other reads the step any more.
__device__ inline void go_on(const Results& r, Step* step) {
  ++step->done;
  ++step->number;
  step->first += r.count;
}

}  // namespace pycnn::cuda
