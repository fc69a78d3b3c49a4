#pragma once
// The second kernel of sums that were cut into parts: adds these in order.

#include "ops/cuda/gemm_operand.cuh"
#include "ops/cuda/gemm_plan.cuh"

namespace pycnn::cuda {

// So many parts are added by one thread; more by kPartLanes threads, of which each takes every
// kPartLanes-th part. Four neighbouring sums at a time: with 8 of these a block reads 128 bytes in
// a row.
inline constexpr unsigned kSerialParts = 32, kPartLanes = 32, kPartQuads = kThreads / kPartLanes;

// The sum of the parts first, first + step, ... of four sums, which lie `stride` floats apart.
__device__ __forceinline__ void sum_parts(const float* partials, std::int64_t stride,
                                          unsigned parts, unsigned first, unsigned step,
                                          float (&total)[4]) {
#pragma unroll 8
  for (unsigned part = first; part < parts; part += step) {
    float v[4];
    load_quad(partials + part * stride, v);
#pragma unroll
    for (int j = 0; j < 4; ++j) total[j] += v[j];
  }
}

// The quad of that index in [product][row][quad] goes to where it belongs.
template <class Product>
__device__ void store_sums(const Product& product, const ProductSize& size, unsigned index,
                           const float (&total)[4]) {
  const unsigned quads = partial_quads(size), rows = partial_rows(size);
  const unsigned column = index % quads * 4, row = index / quads % rows;
  const auto result = product.result(index / quads / rows);
  if constexpr (Product::kColumnSums) {
    if (row == size.rows) return result.store_column_sums(column, total);
  }
  result.store(row, column, total);
}

template <class Product>
__global__ void add_parts_serially(Product product, ProductSize size, unsigned parts,
                                   const float* partials, unsigned quads) {
  const auto index = static_cast<unsigned>(global_index());
  if (index >= quads) return;
  float total[4] = {};
  sum_parts(partials + std::int64_t{index} * 4, std::int64_t{quads} * 4, parts, 0, 1, total);
  store_sums(product, size, index, total);
}

template <class Product>
__global__ void add_parts_by_lanes(Product product, ProductSize size, unsigned parts,
                                   const float* partials, unsigned quads) {
  __shared__ __align__(16) float sums[kPartLanes][kPartQuads][4];
  const unsigned lane = threadIdx.x / kPartQuads, quad = threadIdx.x % kPartQuads;
  const unsigned index = blockIdx.x * kPartQuads + quad;
  float total[4] = {};
  if (index < quads) {
    sum_parts(partials + std::int64_t{index} * 4, std::int64_t{quads} * 4, parts, lane, kPartLanes,
              total);
  }
  store_quad(sums[lane][quad], total);
  __syncthreads();
  if (lane != 0 || index >= quads) return;
  for (unsigned l = 1; l < kPartLanes; ++l) {
#pragma unroll
    for (int j = 0; j < 4; ++j) total[j] += sums[l][quad][j];
  }
  store_sums(product, size, index, total);
}

// Every quad of the partial sums: few, since sums are cut where there are few of them.
template <class Product>
void add_parts(const Product& product, const ProductSize& size, unsigned parts,
               const float* partials, Stream stream) {
  const unsigned quads = size.count * partial_rows(size) * partial_quads(size);
  if (parts <= kSerialParts) {
    return run_each(quads, add_parts_serially<Product>, stream, product, size, parts, partials,
                    quads);
  }
  run(add_parts_by_lanes<Product>, {blocks_for(quads, kPartQuads), dim3(kThreads)}, stream, product,
      size, parts, partials, quads);
}

}  // namespace pycnn::cuda
