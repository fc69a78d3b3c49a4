#pragma once
// Products in float32. A block computes a tile of sums, a thread kThreadRows x kThreadColumns of
// them in registers.
//
// Against an H200 (67 TFLOP/s, 4.8 TB/s: 14 operations a byte), per step of one term:
//   tile      threads      operations   bytes read   operations a byte   shared memory of a block
//   128x128   256 of 8x8     32768        1024             32              16 KB of 228 KB
//   64x64      64 of 8x8      8192         512             16               8 KB
//   64x16      64 of 4x4      2048         320            6.4              20 KB
//   32x32      64 of 4x4      2048         256              8              16 KB
// The first two are bound by operations even when nothing is found in the 50 MB of L2; the small
// ones live on L2, and are there for products that would leave most of a larger tile empty.
// Shared memory gives a multiprocessor 128 bytes a cycle, in which it does 128 multiply-adds. A
// warp of 8 x 4 threads of 8x8 reads 4 lines of 128 bytes for 16 cycles of multiply-adds, one of
// 4x4 two lines for 4 cycles.

#include "ops/cuda/gemm_operand.cuh"
#include "ops/cuda/gemm_plan.cuh"

namespace pycnn::cuda {

template <TileSize kSize, int kThreadRows, int kThreadColumns>
class FloatTile {
 public:
  using Word = float;
  static constexpr int kRows = kSize.rows, kColumns = kSize.columns, kDepth = kSize.depth;
  static constexpr int kThreads = kSize.threads, kResident = kSize.resident, kTermsPerWord = 1;
  static constexpr int kLeftWords = kRows * kDepth, kRightWords = kColumns * kDepth;
  static_assert(kThreads == kRows / kThreadRows * (kColumns / kThreadColumns));

  // Where element (term, i) of a factor lies in shared memory: rows of one term. Quads of a row are
  // exchanged in such a way that a warp that stores four terms of each of several i hits every bank
  // once; readers take whole rows, so they do not mind.
  template <int kLines>
  static __device__ __forceinline__ int place(int term, int i) {
    const int exchange = term / 4 * (32 / kDepth) * 4 % kLines;
    return term * kLines + (i ^ exchange);
  }
  static __device__ __forceinline__ float pack(const float* term) { return *term; }

  __device__ __forceinline__ FloatTile() {
    const int lane = static_cast<int>(threadIdx.x) % kWarp,
              warp = static_cast<int>(threadIdx.x) / kWarp;
    row_ = (warp % kWarpsDown * 8 + lane / 4) * 4;
    column_ = (warp / kWarpsDown * 4 + lane % 4) * 4;
  }

  // Adds the products of a step.
  __device__ __forceinline__ void add(const float* left, const float* right) {
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      float a[kThreadRows / 4][4], b[kThreadColumns / 4][4];
#pragma unroll
      for (int q = 0; q < kThreadRows / 4; ++q) {
        load_quad(left + place<kRows>(k, row_ + q * kRowGap), a[q]);
      }
#pragma unroll
      for (int q = 0; q < kThreadColumns / 4; ++q) {
        load_quad(right + place<kColumns>(k, column_ + q * kColumnGap), b[q]);
      }
#pragma unroll
      for (int i = 0; i < kThreadRows; ++i) {
#pragma unroll
        for (int j = 0; j < kThreadColumns; ++j) {
          sums_[i][j / 4][j % 4] += a[i / 4][i % 4] * b[j / 4][j % 4];
        }
      }
    }
  }

  template <class Result>
  __device__ __forceinline__ void store(const Result& result, unsigned row, unsigned column) const {
#pragma unroll
    for (int i = 0; i < kThreadRows; ++i) {
#pragma unroll
      for (int q = 0; q < kThreadColumns / 4; ++q) {
        result.store(row + row_ + i / 4 * kRowGap + i % 4, column + column_ + q * kColumnGap,
                     sums_[i][q]);
      }
    }
  }

 private:
  // A thread's rows (columns) come in fours, so far apart that a warp reads 8 (4) fours in a row.
  static constexpr int kRowGap = kRows / (kThreadRows / 4);
  static constexpr int kColumnGap = kColumns / (kThreadColumns / 4);
  static constexpr int kWarpsDown = kRowGap / 32;
  static_assert(kRowGap % 32 == 0 && kColumnGap % 16 == 0);

  int row_, column_;  // the thread's first
  float sums_[kThreadRows][kThreadColumns / 4][4] = {};
};

}  // namespace pycnn::cuda
