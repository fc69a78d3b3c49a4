#pragma once
// How a product of matrices is cut into blocks: by its size and the precision alone, so that every
// GPU adds in the same order.

#include <cstdint>

#include "cuda/cuda.h"
#include "ops/cuda/precision.h"

namespace pycnn::cuda {

// `count` products, each of rows x columns sums of at most `depth` terms.
struct ProductSize {
  unsigned rows, columns, depth, count;
  bool column_sums;  // whether the sums of the right factor's columns are wanted
};

// Sums of a block, terms of its step, its threads; and how many blocks a multiprocessor is to hold,
// which limits the registers of a thread.
struct TileSize {
  int rows, columns, depth, threads, resident;
};

// Of float32; see gemm_tile.cuh.
inline constexpr TileSize kLargeTile{128, 128, 8, 256, 2};
inline constexpr TileSize kMediumTile{64, 64, 8, 64, 6};
inline constexpr TileSize kNarrowTile{64, 16, 32, 64, 6};
inline constexpr TileSize kSmallTile{32, 32, 32, 64, 8};
// Of tensor cores, where `depth` counts words of 32 bits: one tf32 or two bf16; see
// gemm_tensor.cuh.
inline constexpr TileSize kLargeTensorTile{128, 128, 16, 256, 1};
inline constexpr TileSize kSmallTensorTile{64, 32, 16, 64, 4};

struct ProductPlan {
  enum class Tile { large, medium, narrow, small };
  Tile tile;
  unsigned row_tiles, column_tiles;
  unsigned parts;       // into which each sum is cut; with more than one they go to scratch memory
  unsigned part_depth;  // terms of a part, but for the last

  std::int64_t blocks(unsigned count) const {
    return std::int64_t{row_tiles} * column_tiles * count * parts;
  }
};

ProductPlan plan_product(const ProductSize& size, Precision precision);

// Partial sums lie in scratch memory as [part][product][row][columns, rounded up to 4], those of
// columns as the last row.
__host__ __device__ inline unsigned partial_rows(const ProductSize& size) {
  return size.rows + size.column_sums;
}
__host__ __device__ inline unsigned partial_quads(const ProductSize& size) {
  return size.columns / 4 + (size.columns % 4 != 0);
}
std::int64_t partial_floats(const ProductSize& size, unsigned parts);

// Floats of scratch memory that the product needs, in whatever precision.
std::int64_t product_scratch(const ProductSize& size);

}  // namespace pycnn::cuda
