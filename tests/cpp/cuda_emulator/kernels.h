#pragma once

#include <cstdint>

#include "cuda/launch.h"

// Small kernels, each for a feature of the emulator; nvcc compiles them as well. All launches are
// one block of `threads` on the default stream, unless there are parameters that say otherwise.
namespace pycnn::emulator_test {

// out[i] = in[threads - 1 - i] by way of shared memory, with or without the barrier it needs.
cudaError_t reverse(const float* in, float* out, int threads, bool with_barrier);
cudaError_t reverse_dynamic(const float* in, float* out, int threads);

// Rows of 8 results for each lane: idx, up, down, xor; and the same with a width of 8.
cudaError_t shuffles(const int* in, int* out);
// Lanes exchange through shared memory, with __syncwarp() between.
cudaError_t rotate_warps(const int* in, int* out, int threads);
// The two halves of a warp each for themselves, the second one twice.
cudaError_t half_warps(const double* in, double* out);
cudaError_t sum_blocks(const float* in, float* out, int n, int blocks, int threads);
// For each thread: ballot, any, all, count, or, and of in[i] != 0.
cudaError_t votes(const int* in, int* out, int threads);
cudaError_t histogram(const std::uint8_t* in, unsigned* bins, int n, int blocks);
// Sum, maximum, compare-and-swap, exchange.
cudaError_t atomics(float* sum, unsigned long long* count, int* maximum, int* chosen, int threads);
// Counts the words of shared memory (static ones of a plain kernel, of a template, and dynamic
// ones) that are not all ones when a block begins; then changes them.
cudaError_t count_stale_shared(unsigned* stale, int blocks);
// c (m x n) = a (m x k) b (k x n), in tiles of 16 x 16.
cudaError_t matmul(const float* a, const float* b, float* c, int m, int k, int n);
// out[i] = block and thread indices of the i-th thread of the grid, as eight bits each.
cudaError_t indices(std::uint64_t* out, dim3 grid, dim3 block);
// Half of the threads leave at once; out[0] is the sum over the others, which comes by barriers and
// shuffles, out[1] what a shuffle finds in a lane that has left.
cudaError_t early_exit(int* out, int threads);
cudaError_t scale(float4* values, float factor, int n, cudaStream_t stream);
// popc, ffs, clz, umulhi, float bits, rsqrtf, min, max: 0 where one is wrong.
cudaError_t intrinsics(int* all_right);

// What a kernel must not do.
enum class Mistake {
  barrier_in_branch,  // half of the threads wait at one barrier, half at another
  missing_lanes,      // a shuffle of all lanes that half of them never reach
  lane_not_in_mask,
  global_overrun,  // one element behind an array
  static_shared_overrun,
  dynamic_shared_overrun
};
cudaError_t make_mistake(Mistake mistake, int* out, int n);

// A launch of a kernel that does nothing, and leave for it to use more dynamic shared memory.
cudaError_t launch_empty(dim3 grid, dim3 block, std::size_t shared_bytes);
cudaError_t allow_shared(int bytes);

}  // namespace pycnn::emulator_test
