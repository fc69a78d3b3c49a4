#include "ops/cuda/step.cuh"

namespace pycnn::cuda {
namespace {

// One block.
__global__ void finish_kernel(Results r, Step* step) {
  if (step->failed != 0) return;
  add_results(r);
  __syncthreads();
  if (threadIdx.x == 0) go_on(r, step);
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
