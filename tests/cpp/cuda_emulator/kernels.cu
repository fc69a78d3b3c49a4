#include "kernels.h"

namespace pycnn::emulator_test {

using cuda::Grid;
using cuda::launch;

namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFF;
constexpr unsigned kPoison = 0xFFFFFFFF;

unsigned unsigned_of(int n) { return static_cast<unsigned>(n); }

template <bool with_barrier>
__global__ void reverse_kernel(const float* __restrict__ in, float* __restrict__ out) {
  __shared__ float values[1024];
  values[threadIdx.x] = in[threadIdx.x];
  if (with_barrier) __syncthreads();
  out[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
  if (with_barrier) __syncthreads();
  values[threadIdx.x] = 0.0F;
}

__global__ void reverse_dynamic_kernel(const float* in, float* out) {
  PYCNN_DYNAMIC_SHARED(float, values);
  values[threadIdx.x] = __ldg(&in[threadIdx.x]);
  __syncthreads();
  out[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
}

__global__ void shuffles_kernel(const int* in, int* out) {
  const int value = in[threadIdx.x];
  int* row = out + 8 * threadIdx.x;
  row[0] = __shfl_sync(kAllLanes, value, 5);
  row[1] = __shfl_up_sync(kAllLanes, value, 3);
  row[2] = __shfl_down_sync(kAllLanes, value, 3);
  row[3] = __shfl_xor_sync(kAllLanes, value, 5);
  row[4] = __shfl_sync(kAllLanes, value, 13, 8);
  row[5] = __shfl_up_sync(kAllLanes, value, 3, 8);
  row[6] = __shfl_down_sync(kAllLanes, value, 3, 8);
  row[7] = __shfl_xor_sync(kAllLanes, value, 12, 8);
}

__global__ void rotate_warps_kernel(const int* in, int* out) {
  __shared__ int values[1024];
  const unsigned first = threadIdx.x / warpSize * warpSize;
  values[threadIdx.x] = in[threadIdx.x];
  __syncwarp();
  out[threadIdx.x] = values[first + (threadIdx.x + 1) % warpSize];
}

__global__ void half_warps_kernel(const double* in, double* out) {
  double sum = in[threadIdx.x];
  const bool first_half = threadIdx.x < 16;
  const unsigned mask = first_half ? 0x0000FFFF : 0xFFFF0000;
  for (int step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(mask, sum, step);
  if (!first_half) sum += __shfl_xor_sync(mask, sum, 1);
  out[threadIdx.x] = sum;
}

__device__ float sum_warp(float value) {
  for (unsigned step = warpSize / 2; step > 0; step /= 2) {
    value += __shfl_down_sync(kAllLanes, value, step);
  }
  return value;
}

// Of all threads of the block; thread 0 gets it.
template <class T>
__device__ inline T sum_block(T value) {
  __shared__ T sums[32];
  const unsigned warp = threadIdx.x / warpSize;
  value = sum_warp(value);
  if (threadIdx.x % warpSize == 0) sums[warp] = value;
  __syncthreads();
  if (warp != 0) return T{0};
  const unsigned warps = (blockDim.x + warpSize - 1) / warpSize;
  return sum_warp(threadIdx.x < warps ? sums[threadIdx.x] : T{0});
}

__global__ __launch_bounds__(256) void sum_blocks_kernel(const float* in, float* out, int n) {
  const unsigned stride = gridDim.x * blockDim.x;
  float sum = 0.0F;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < static_cast<unsigned>(n);
       i += stride)
    sum += in[i];
  sum = sum_block(sum);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

__global__ void votes_kernel(const int* in, int* out) {
  const int value = in[threadIdx.x];
  int* row = out + 6 * threadIdx.x;
  row[0] = static_cast<int>(__ballot_sync(kAllLanes, value));
  row[1] = __any_sync(kAllLanes, value) != 0;
  row[2] = __all_sync(kAllLanes, value) != 0;
  row[3] = __syncthreads_count(value);
  row[4] = __syncthreads_or(value) != 0;
  row[5] = __syncthreads_and(value) != 0;
}

__global__ void histogram_kernel(const std::uint8_t* in, unsigned* bins, int n) {
  __shared__ unsigned own[16];
  if (threadIdx.x < 16) own[threadIdx.x] = 0;
  __syncthreads();
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < static_cast<unsigned>(n)) atomicAdd(&own[in[i] % 16], 1U);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&bins[threadIdx.x], own[threadIdx.x]);
}

__global__ void atomics_kernel(float* sum, unsigned long long* count, int* maximum, int* chosen) {
  const int thread = static_cast<int>(threadIdx.x);
  atomicAdd(sum, 0.5F);
  atomicAdd(count, 1ULL << 33);
  atomicMax(maximum, thread * (thread % 2 == 0 ? 1 : -1));
  if (atomicCAS(&chosen[0], -1, thread) == -1) atomicExch(&chosen[1], thread);
}

template <int n>
__device__ unsigned count_stale(unsigned* words) {
  unsigned stale = 0;
  for (int i = 0; i < n; ++i) {
    stale += words[i] != kPoison;
    words[i] = 7;
  }
  return stale;
}

template <int n>
__device__ unsigned count_stale_in_template() {
  __shared__ unsigned words[n];
  return count_stale<n>(words);
}

__global__ void count_stale_shared_kernel(unsigned* stale) {
  __shared__ unsigned words[5];
  PYCNN_DYNAMIC_SHARED(unsigned, more);
  *stale += count_stale<5>(words) + count_stale_in_template<3>() + count_stale_in_template<4>() +
            count_stale<6>(more);
}

template <unsigned tile>
__global__ void matmul_kernel(const float* a, const float* b, float* c, unsigned m, unsigned k,
                              unsigned n) {
  __shared__ float tile_a[tile][tile + 1];
  __shared__ float tile_b[tile][tile];
  const unsigned row = blockIdx.y * tile + threadIdx.y;
  const unsigned column = blockIdx.x * tile + threadIdx.x;
  float sum = 0.0F;
  for (unsigned first = 0; first < k; first += tile) {
    const unsigned from_a = first + threadIdx.x;
    const unsigned from_b = first + threadIdx.y;
    tile_a[threadIdx.y][threadIdx.x] = row < m && from_a < k ? a[row * k + from_a] : 0.0F;
    tile_b[threadIdx.y][threadIdx.x] = from_b < k && column < n ? b[from_b * n + column] : 0.0F;
    __syncthreads();
    for (unsigned i = 0; i < tile; ++i) sum += tile_a[threadIdx.y][i] * tile_b[i][threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n) c[row * n + column] = sum;
}

__device__ std::uint64_t pack(std::uint64_t above, uint3 index) {
  return ((above << 8 | index.z) << 8 | index.y) << 8 | index.x;
}

__global__ void indices_kernel(std::uint64_t* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] =
      pack(pack(0, make_uint3(blockIdx.x, blockIdx.y, blockIdx.z)),
           make_uint3(threadIdx.x, threadIdx.y, threadIdx.z));
}

__global__ void early_exit_kernel(int* out) {
  __shared__ int sum;
  if (threadIdx.x % 2 == 1) return;
  int value = 1;
  value += __shfl_xor_sync(kAllLanes, value, 2);
  const int from_ended_lane = __shfl_sync(kAllLanes, value, 1);
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, value);
  __syncthreads();
  if (threadIdx.x != 0) return;
  out[0] = sum;
  out[1] = from_ended_lane;
}

__global__ void scale_kernel(float4* values, float factor, int n) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= static_cast<unsigned>(n)) return;
  const float4 v = values[i];
  values[i] = make_float4(v.x * factor, v.y * factor, v.z * factor, v.w * factor);
}

__global__ void intrinsics_kernel(int* all_right) {
  *all_right = __popc(0xF0F0U) == 8 && __ffs(0) == 0 && __ffs(8) == 4 && __clz(1) == 31 &&
               __umulhi(0x80000000U, 6U) == 3U && __float_as_int(1.0F) == 0x3F800000 &&
               __int_as_float(0x40000000) == 2.0F && fabsf(rsqrtf(4.0F) - 0.5F) < 1e-6F &&
               fmaf(2.0F, 3.0F, 1.0F) == 7.0F && fabsf(__expf(0.0F) - 1.0F) < 1e-6F &&
               __fdividef(6.0F, 2.0F) == 3.0F && min(2, 3) == 2 && max(2, 3) == 3 &&
               min(2.0F, nanf("")) == 2.0F;
}

__global__ void barrier_in_branch_kernel(int* out) {
  if (threadIdx.x < blockDim.x / 2) {
    __syncthreads();
    out[threadIdx.x] = 1;
  } else {
    __syncthreads();
    out[threadIdx.x] = 2;
  }
}

__global__ void missing_lanes_kernel(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(kAllLanes, 1, 0);
  __syncthreads();
}

__global__ void lane_not_in_mask_kernel(int* out) {
  if (threadIdx.x < 2) out[threadIdx.x] = __shfl_sync(1U, 1, 0);
}

__global__ void global_overrun_kernel(int* out, int n) { out[n] = 1; }

__global__ void static_shared_overrun_kernel(int* out, int n) {
  __shared__ int values[8];
  int* volatile any = values;  // not an array whose bounds the compiler knows
  any[threadIdx.x] = n;
  out[threadIdx.x] = any[8];
}

__global__ void dynamic_shared_overrun_kernel(int* out, int n) {
  PYCNN_DYNAMIC_SHARED(int, values);
  out[threadIdx.x] = values[n];
}

__global__ void empty_kernel() {}

}  // namespace

cudaError_t reverse(const float* in, float* out, int threads, bool with_barrier) {
  const Grid grid{1, unsigned_of(threads)};
  return launch(with_barrier ? reverse_kernel<true> : reverse_kernel<false>, grid, nullptr, in,
                out);
}

cudaError_t reverse_dynamic(const float* in, float* out, int threads) {
  const Grid grid{1, unsigned_of(threads), sizeof(float) * unsigned_of(threads)};
  return launch(reverse_dynamic_kernel, grid, nullptr, in, out);
}

cudaError_t shuffles(const int* in, int* out) {
  return launch(shuffles_kernel, {1, 32}, nullptr, in, out);
}

cudaError_t rotate_warps(const int* in, int* out, int threads) {
  return launch(rotate_warps_kernel, {1, unsigned_of(threads)}, nullptr, in, out);
}

cudaError_t half_warps(const double* in, double* out) {
  return launch(half_warps_kernel, {1, 32}, nullptr, in, out);
}

cudaError_t sum_blocks(const float* in, float* out, int n, int blocks, int threads) {
  return launch(sum_blocks_kernel, {unsigned_of(blocks), unsigned_of(threads)}, nullptr, in, out,
                n);
}

cudaError_t votes(const int* in, int* out, int threads) {
  return launch(votes_kernel, {1, unsigned_of(threads)}, nullptr, in, out);
}

cudaError_t histogram(const std::uint8_t* in, unsigned* bins, int n, int blocks) {
  return launch(histogram_kernel, {unsigned_of(blocks), 64}, nullptr, in, bins, n);
}

cudaError_t atomics(float* sum, unsigned long long* count, int* maximum, int* chosen, int threads) {
  return launch(atomics_kernel, {1, unsigned_of(threads)}, nullptr, sum, count, maximum, chosen);
}

cudaError_t count_stale_shared(unsigned* stale, int blocks) {
  return launch(count_stale_shared_kernel, {unsigned_of(blocks), 1, 6 * sizeof(unsigned)}, nullptr,
                stale);
}

cudaError_t matmul(const float* a, const float* b, float* c, int m, int k, int n) {
  const Grid grid{dim3(unsigned_of(n + 15) / 16, unsigned_of(m + 15) / 16), dim3(16, 16)};
  return launch(matmul_kernel<16>, grid, nullptr, a, b, c, unsigned_of(m), unsigned_of(k),
                unsigned_of(n));
}

cudaError_t indices(std::uint64_t* out, dim3 grid, dim3 block) {
  return launch(indices_kernel, {grid, block}, nullptr, out);
}

cudaError_t early_exit(int* out, int threads) {
  return launch(early_exit_kernel, {1, unsigned_of(threads)}, nullptr, out);
}

cudaError_t scale(float4* values, float factor, int n, cudaStream_t stream) {
  return launch(scale_kernel, {unsigned_of(n + 63) / 64, 64}, stream, values, factor, n);
}

cudaError_t intrinsics(int* all_right) {
  return launch(intrinsics_kernel, {1, 1}, nullptr, all_right);
}

cudaError_t make_mistake(Mistake mistake, int* out, int n) {
  switch (mistake) {
    case Mistake::barrier_in_branch:
      return launch(barrier_in_branch_kernel, {1, 64}, nullptr, out);
    case Mistake::missing_lanes:
      return launch(missing_lanes_kernel, {1, 32}, nullptr, out);
    case Mistake::lane_not_in_mask:
      return launch(lane_not_in_mask_kernel, {1, 32}, nullptr, out);
    case Mistake::global_overrun:
      return launch(global_overrun_kernel, {1, 1}, nullptr, out, n);
    case Mistake::static_shared_overrun:
      return launch(static_shared_overrun_kernel, {1, 1}, nullptr, out, n);
    case Mistake::dynamic_shared_overrun:
      return launch(dynamic_shared_overrun_kernel, {1, 1, sizeof(int) * unsigned_of(n)}, nullptr,
                    out, n);
  }
  return cudaErrorInvalidValue;
}

cudaError_t launch_empty(dim3 grid, dim3 block, std::size_t shared_bytes) {
  return launch(empty_kernel, {grid, block, shared_bytes}, nullptr);
}

cudaError_t allow_shared(int bytes) {
  return cudaFuncSetAttribute(empty_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

}  // namespace pycnn::emulator_test
