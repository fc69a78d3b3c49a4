// Gradients of a small net's weights, summed over the batch in an order that only the batch's size
// decides. LeNet-5: 134 blocks for dense layers, 81 for convolutions.

#include "ops/cuda/kernel.cuh"
#include "ops/cuda/small_net.h"

namespace pycnn::cuda::small_net {
namespace {

constexpr int kWarps = kThreads / kWarp;
// A block's part of a dense kernel's gradient.
constexpr int kRows = 16, kColumns = 32, kTile = kRows * kColumns;

PYCNN_HOST_DEVICE int tiles(int size, int tile) { return (size + tile - 1) / tile; }

// With the row of the bias.
PYCNN_HOST_DEVICE int dense_tiles(const Dense& d) {
  return tiles(d.g.inputs + 1, kRows) * tiles(d.g.outputs, kColumns);
}

__device__ void store(float* to, float value, Step* step) {
  *to = value;
  if (!isfinite(value)) step->failed = 1;
}

// Numbers i, i + kWarps, ... of a column of kWarps rows.
__device__ float sum_warps(const float* sums, int stride) {
  float sum = 0;
#pragma unroll
  for (int s = 0; s < kWarps; ++s) sum += sums[s * stride];
  return sum;
}

// dw = x^T dz, the last row of x being 1: db. A warp takes every 8th image and a lane 4x4 weights:
// two loads of 16 bytes for 16 multiply-adds, straight from the second-level cache, 8 images on
// their way at a time. LeNet-5's first layer, 512 images: 104 blocks read 192 bytes an image,
// 10 MB in all.
__device__ void dense_gradient(const Dense& d, int tile, int count, float* sums, Step* step) {
  const int across = tiles(d.g.outputs, kColumns);
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const int first_row = tile / across * kRows, first_column = tile % across * kColumns;
  const int row = lane / 8 * 4, column = lane % 8 * 4;
  const int x_row = d.x_row(), dz_row = d.dz_row();
  float acc[4][4] = {};
  if (first_row + row < x_row && first_column + column < dz_row) {
    const float* x = d.saved_x + first_row + row;
    const float* dz = d.saved_dz + first_column + column;
#pragma unroll 8
    for (int image = warp; image < count; image += kWarps) {
      const float4 a = *reinterpret_cast<const float4*>(x + std::int64_t{image} * x_row);
      const float4 g = *reinterpret_cast<const float4*>(dz + std::int64_t{image} * dz_row);
      const float values[4] = {a.x, a.y, a.z, a.w}, gradients[4] = {g.x, g.y, g.z, g.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) acc[i][j] += values[i] * gradients[j];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      sums[warp * kTile + (row + i) * kColumns + column + j] = acc[i][j];
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < kTile; i += blockDim.x) {
    const int r = first_row + i / kColumns, c = first_column + i % kColumns;
    if (r > d.g.inputs || c >= d.g.outputs) continue;
    const float sum = sum_warps(sums + i, kTile);
    if (r < d.g.inputs) {
      store(d.kernel_gradient + r * d.g.outputs + c, sum, step);
    } else if (d.bias_gradient != nullptr) {
      store(d.bias_gradient + c, sum, step);
    }
  }
}

// The blocks' parts: a warp takes every 8th, a lane one number. LeNet-5, 512 images: 128 parts of
// 10 KB.
__device__ void add_parts(const Net& net, int tile, float* sums) {
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const std::int64_t at = std::int64_t{tile} * kWarp + lane;
  float sum = 0;
  if (at < net.part_size) {
#pragma unroll 16
    for (int part = warp; part < net.blocks(); part += kWarps) {
      sum += net.parts[part * net.part_size + at];
    }
  }
  sums[warp * kWarp + lane] = sum;
  __syncthreads();
  if (warp == 0 && at < net.part_size) {
    store(net.conv_gradient + at, sum_warps(sums + lane, kWarp), net.step);
  }
}

__global__ void gradient_kernel(const __grid_constant__ Net net) {
  __shared__ float sums[kWarps * kTile];
  let_successor_start();
  wait_for_predecessor();
  int tile = blockIdx.x;
  for (int i = 0; i < net.dense_count; ++i) {
    const int count = dense_tiles(net.denses[i]);
    if (tile < count) return dense_gradient(net.denses[i], tile, net.count, sums, net.step);
    tile -= count;
  }
  add_parts(net, tile, sums);
}

}  // namespace

void gradient(const Net& net, Stream stream) {
  int blocks = tiles(static_cast<int>(net.part_size), kWarp);
  for (int i = 0; i < net.dense_count; ++i) blocks += dense_tiles(net.denses[i]);
  const Grid grid{dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, true};
  run(gradient_kernel, grid, stream, net);
}

}  // namespace pycnn::cuda::small_net
