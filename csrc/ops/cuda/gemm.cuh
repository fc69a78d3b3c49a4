#pragma once
// Products of matrices, which need not exist as such: dense layers and convolutions both multiply
// here. A product of rows x columns sums is cut into tiles, and where tiles are too few to fill a
// GPU, the sums are cut into parts, which a second kernel adds in order (gemm_plan.cuh).
//
// A Product says what is multiplied:
//   static constexpr bool kColumnSums;       // whether the result has a row of them
//   ProductSize size() const;
//   Factors<Left, Right> factors(unsigned index) const;     // on the device, of each of
//   size().count Result result(unsigned index) const;
// For factors and results see gemm_operand.cuh.

#include <utility>

#include "ops/cuda/gemm_parts.cuh"
#include "ops/cuda/gemm_stage.cuh"
#include "ops/cuda/gemm_tensor.cuh"
#include "ops/cuda/gemm_tile.cuh"

namespace pycnn::cuda {

template <class Left, class Right>
struct Factors {
  Left left;
  Right right;
  unsigned depth;
};

template <class Product>
using LeftOf = decltype(std::declval<Product>().factors(0).left);
template <class Product>
using RightOf = decltype(std::declval<Product>().factors(0).right);

// Shared memory: two steps of both factors, one that is multiplied and one that is filled.
template <class Tile>
inline constexpr int kStepWords = Tile::kLeftWords + Tile::kRightWords;

// The tile of a block, and its part of the sums.
struct Place {
  unsigned row, column, product, part;

  // Blocks that run at the same time share the left factor's rows, and in a part the terms.
  template <class Tile>
  static __device__ Place of_block(const ProductPlan& plan, unsigned products) {
    unsigned block = blockIdx.x;
    const unsigned column = block % plan.column_tiles;
    block /= plan.column_tiles;
    const unsigned row = block % plan.row_tiles;
    block /= plan.row_tiles;
    return {row * Tile::kRows, column * Tile::kColumns, block % products, block / products};
  }
};

// The sums of the tile's columns of the right factor: of all threads that have them in parts.
template <class Tile, class Result>
__device__ void store_column_sums(const float (&sums)[4], float* shared, const Result& result,
                                  unsigned column) {
  constexpr unsigned kQuads = Tile::kColumns / 4;
  __syncthreads();
  store_quad(shared + 4 * threadIdx.x, sums);
  __syncthreads();
  if (threadIdx.x >= kQuads) return;
  float total[4] = {};
  for (unsigned t = threadIdx.x; t < Tile::kThreads; t += kQuads) {
#pragma unroll
    for (int j = 0; j < 4; ++j) total[j] += shared[4 * t + j];
  }
  result.store_column_sums(column + 4 * threadIdx.x, total);
}

// `partials` is null where the sums are whole.
template <class Tile, class Product>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kResident)
    multiply_kernel(Product product, ProductSize size, ProductPlan plan, float* partials) {
  using Word = typename Tile::Word;
  PYCNN_DYNAMIC_SHARED(Word, words);
  const Place place = Place::of_block<Tile>(plan, size.count);
  const auto factors = product.factors(place.product);
  Stage<Tile, LeftOf<Product>, Tile::kRows> left(factors.left, place.row);
  Stage<Tile, RightOf<Product>, Tile::kColumns> right(factors.right, place.column);
  Tile tile;
  float columns[4] = {};

  unsigned k = place.part * plan.part_depth;
  const unsigned end = min(k + plan.part_depth, factors.depth);
  if (k < end) {
    left.load(k);
    right.load(k);
  }
  for (unsigned step = 0; k < end; ++step, k += Tile::kDepth) {
    // When a thread stores here, all have passed the last barrier, and so the sums two steps ago.
    Word* const now = words + step % 2 * kStepWords<Tile>;
    left.store(now);
    right.store(now + Tile::kLeftWords);
    if constexpr (Product::kColumnSums) right.add_columns(columns);
    __syncthreads();
    if (k + Tile::kDepth < end) {
      left.load(k + Tile::kDepth);
      right.load(k + Tile::kDepth);
    }
    tile.add(now, now + Tile::kLeftWords);
  }

  const auto store = [&](const auto& result) {
    tile.store(result, place.row, place.column);
    if constexpr (Product::kColumnSums) {
      if (place.row != 0) return;
      store_column_sums<Tile>(columns, reinterpret_cast<float*>(words), result, place.column);
    }
  };
  if (partials == nullptr) return store(product.result(place.product));
  const unsigned rows = partial_rows(size), quads = partial_quads(size);
  const std::int64_t first = (std::int64_t{place.part} * size.count + place.product) * rows;
  store(Partials{partials + first * quads * 4, size.rows, quads});
}

template <class Tile, class Product>
void run_tile(const Product& product, const ProductSize& size, const ProductPlan& plan,
              float* partials, Stream stream) {
  const auto blocks = static_cast<unsigned>(plan.blocks(size.count));
  run(multiply_kernel<Tile, Product>,
      {dim3(blocks), dim3(Tile::kThreads), 2 * kStepWords<Tile> * sizeof(float)}, stream, product,
      size, plan, partials);
}

template <class Product>
void run_float(const Product& product, const ProductSize& size, const ProductPlan& plan,
               float* partials, Stream stream) {
  switch (plan.tile) {
    case ProductPlan::Tile::large:
      return run_tile<FloatTile<kLargeTile, 8, 8>>(product, size, plan, partials, stream);
    case ProductPlan::Tile::medium:
      return run_tile<FloatTile<kMediumTile, 8, 8>>(product, size, plan, partials, stream);
    case ProductPlan::Tile::narrow:
      return run_tile<FloatTile<kNarrowTile, 4, 4>>(product, size, plan, partials, stream);
    case ProductPlan::Tile::small:
      return run_tile<FloatTile<kSmallTile, 4, 4>>(product, size, plan, partials, stream);
  }
}

template <TensorFormat kFormat, class Product>
void run_tensor(const Product& product, const ProductSize& size, const ProductPlan& plan,
                float* partials, Stream stream) {
  if (plan.tile == ProductPlan::Tile::large) {
    return run_tile<TensorTile<kLargeTensorTile, 64, 32, kFormat>>(product, size, plan, partials,
                                                                   stream);
  }
  run_tile<TensorTile<kSmallTensorTile, 32, 32, kFormat>>(product, size, plan, partials, stream);
}

// All products; `scratch` has product_scratch(size) floats, aligned to 16 bytes.
template <class Product>
void multiply(const Product& product, const ProductSize& size, float* scratch, Precision wanted,
              Stream stream) {
  const Precision precision = product_precision(wanted);
  const ProductPlan plan = plan_product(size, precision);
  float* const partials = plan.parts > 1 ? scratch : nullptr;
  switch (precision) {
    case Precision::float32:
      run_float(product, size, plan, partials, stream);
      break;
    case Precision::tf32:
      run_tensor<TensorFormat::tf32>(product, size, plan, partials, stream);
      break;
    case Precision::bf16:
      run_tensor<TensorFormat::bf16>(product, size, plan, partials, stream);
      break;
  }
  if (partials != nullptr) add_parts(product, size, plan.parts, partials, stream);
}

}  // namespace pycnn::cuda
