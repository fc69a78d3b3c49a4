#include "ops/cuda/reduce.cuh"
#include "ops/cuda/step.h"

namespace pycnn::cuda {
namespace {

__device__ void add_losses(const Results& r) {
  for (int o = 0; o < r.outputs; ++o) {
    double sum = 0;
    for (int i = threadIdx.x; i < r.count; i += blockDim.x) {
      sum += double(r.losses[std::int64_t{o} * r.count + i]);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) r.loss_sums[o] += sum;
  }
}

__device__ void add_hits(const Results& r) {
  for (int e = 0; e < r.ks; ++e) {
    const std::int32_t* ranks = r.ranks + std::int64_t{r.output_of_k[e]} * r.count;
    double hits = 0;
    for (int i = threadIdx.x; i < r.count; i += blockDim.x) hits += ranks[i] < r.k[e] ? 1 : 0;
    hits = block_sum(hits);
    if (threadIdx.x == 0) r.hits[e] += static_cast<std::int64_t>(hits);
  }
}

__device__ void add_penalties(const Results& r) {
  double sum = 0;
  for (int p = threadIdx.x; p < r.pieces; p += blockDim.x) sum += r.penalties[p];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *r.penalty_sum += sum * r.count;
}

// One block: sums in one order.
__global__ void finish_kernel(Results r, Step* step) {
  if (step->failed != 0) return;
  add_losses(r);
  add_hits(r);
  if (r.pieces > 0) add_penalties(r);
  __syncthreads();
  if (threadIdx.x > 0) return;
  ++step->done;
  ++step->number;
  step->first += r.count;
}

__global__ void keep_kernel(const Step* step, std::int64_t size, const float* from, float* to) {
  const std::int64_t i = global_index();
  if (i < size && step->failed == 0) to[i] = from[i];
}

}  // namespace

void finish_step(const Results& results, Step* step, Stream stream) {
  run(finish_kernel, {dim3(1), dim3(kThreads), 0}, stream, results, step);
}

void keep_if_finite(const Step* step, std::int64_t size, const float* from, float* to,
                    Stream stream) {
  run_each(size, keep_kernel, stream, step, size, from, to);
}

}  // namespace pycnn::cuda
