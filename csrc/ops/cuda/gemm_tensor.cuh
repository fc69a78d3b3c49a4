#pragma once
// Products on tensor cores: operands rounded to tf32 or bf16, sums in float32.
//
// A warp computes kWarpRows x kWarpColumns sums, in pieces of 16 x 8, by mma.sync instructions that
// take 8 words along the sum: one tf32 or two bf16 each, otherwise both formats are alike. A warp
// of 64 x 32 reads 24 lines of 128 bytes of shared memory for 16 instructions. Per step of 16 words
// the large tile reads 16 KB of float32 for 128 * 128 * 16 (bf16: 32 KB for * 32) multiply-adds: 32
// operations a byte, where an H200's tensor cores (495 TFLOP/s tf32, dense) do 100 for each byte of
// HBM. So L2 and shared memory bound it, at several times the speed of float32.

#include "cuda/probe.h"
#include "ops/cuda/gemm_operand.cuh"
#include "ops/cuda/gemm_plan.cuh"

namespace pycnn::cuda {

enum class TensorFormat { tf32, bf16 };

// The precision of products with the code that runs here: that for earlier GPUs has no tensor
// cores.
inline Precision product_precision(Precision wanted) {
  static const bool has_tensor_cores = compiled_capability() >= 80;
  return has_tensor_cores ? wanted : Precision::float32;
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800

// To nearest, ties away from 0.
__device__ __forceinline__ unsigned round_to_tf32(float x) {
  unsigned y;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
  return y;
}

// To nearest, ties to even; the first number in the lower half.
__device__ __forceinline__ unsigned round_to_bf16(float first, float second) {
  unsigned y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(second), "f"(first));
  return y;
}

// sums += a b for 16 x 8 words and 8 words x 8, spread over the warp as the PTX ISA says for
// mma.m16n8k8 (tf32) and mma.m16n8k16 (bf16).
template <TensorFormat kFormat>
__device__ __forceinline__ void mma(float (&sums)[4], const unsigned (&a)[4],
                                    const unsigned (&b)[2]) {
  if constexpr (kFormat == TensorFormat::tf32) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

#else

// The same in plain code, for the emulator; GPUs without these instructions never come here.

__device__ inline unsigned round_to_tf32(float x) {
  const unsigned bits = __float_as_uint(x);
  return x != x ? bits | 0x400000u : (bits + 0x1000u) & ~0x1fffu;
}

__device__ inline unsigned round_to_bf16(float x) {
  const unsigned bits = __float_as_uint(x);
  return x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

__device__ inline unsigned round_to_bf16(float first, float second) {
  return round_to_bf16(first) | round_to_bf16(second) << 16;
}

template <TensorFormat kFormat>
__device__ float multiply_words(unsigned a, unsigned b) {
  if constexpr (kFormat == TensorFormat::tf32) return __uint_as_float(a) * __uint_as_float(b);
  return __uint_as_float(a << 16) * __uint_as_float(b << 16) +
         __uint_as_float(a & 0xffff0000u) * __uint_as_float(b & 0xffff0000u);
}

template <TensorFormat kFormat>
__device__ void mma(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int word = 0; word < 8; ++word) {
    unsigned row[2], column[2];
    for (int i = 0; i < 2; ++i) {
      row[i] = __shfl_sync(~0u, a[word / 4 * 2 + i], lane / 4 * 4 + word % 4);
      column[i] = __shfl_sync(~0u, b[word / 4], (lane % 4 * 2 + i) * 4 + word % 4);
    }
    for (int s = 0; s < 4; ++s) sums[s] += multiply_words<kFormat>(row[s / 2], column[s % 2]);
  }
}

#endif

template <TileSize kSize, int kWarpRows, int kWarpColumns, TensorFormat kFormat>
class TensorTile {
 public:
  using Word = unsigned;
  static constexpr int kTermsPerWord = kFormat == TensorFormat::bf16 ? 2 : 1;
  static constexpr int kRows = kSize.rows, kColumns = kSize.columns;
  static constexpr int kDepth = kSize.depth * kTermsPerWord, kThreads = kSize.threads,
                       kResident = kSize.resident;
  static constexpr int kLeftWords = (kRows + 8) * kSize.depth;
  static constexpr int kRightWords = (kColumns + 8) * kSize.depth;
  static_assert(kThreads == kRows / kWarpRows * (kColumns / kWarpColumns) * kWarp);
  static_assert(kRows % 32 == 0 && kColumns % 32 == 0);

  // Where word (word, i) of a factor lies in shared memory: rows of 8 more words than needed, and
  // in them groups of 8 exchanged, so that a warp that reads 4 words of 8 neighbouring i hits every
  // bank once, and so does one that stores a few words of each i.
  template <int kLines>
  static __device__ __forceinline__ int place(int word, int i) {
    return word * (kLines + 8) + (i ^ word / 4 % 4 * 8);
  }
  static __device__ __forceinline__ unsigned pack(const float* terms) {
    if constexpr (kFormat == TensorFormat::tf32) return round_to_tf32(terms[0]);
    return round_to_bf16(terms[0], terms[1]);
  }

  __device__ __forceinline__ TensorTile() {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp;
    constexpr int kWarpsDown = kRows / kWarpRows;
    row_ = warp % kWarpsDown * kWarpRows;
    column_ = warp / kWarpsDown * kWarpColumns;
    group_ = thread % kWarp / 4;
    member_ = thread % 4;
  }

  // Adds the products of a step.
  __device__ __forceinline__ void add(const unsigned* left, const unsigned* right) {
#pragma unroll
    for (int word = member_; word < kSize.depth; word += 8) {
      unsigned a[kDown][4], b[kAcross][2];
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int q = 0; q < 4; ++q) {
          a[i][q] = left[place<kRows>(word + q / 2 * 4, row_ + i * 16 + q % 2 * 8 + group_)];
        }
      }
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
#pragma unroll
        for (int q = 0; q < 2; ++q) {
          b[j][q] = right[place<kColumns>(word + q * 4, column_ + j * 8 + group_)];
        }
      }
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j) mma<kFormat>(sums_[i][j], a[i], b[j]);
      }
    }
  }

  template <class Result>
  __device__ __forceinline__ void store(const Result& result, unsigned row, unsigned column) const {
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j) {
          const float v[2] = {sums_[i][j][2 * half], sums_[i][j][2 * half + 1]};
          result.store(row + row_ + i * 16 + half * 8 + group_,
                       column + column_ + j * 8 + member_ * 2, v);
        }
      }
    }
  }

 private:
  static constexpr int kDown = kWarpRows / 16, kAcross = kWarpColumns / 8;

  int row_, column_;    // the warp's first
  int group_, member_;  // the lane's row and word of a piece
  float sums_[kDown][kAcross][4] = {};
};

}  // namespace pycnn::cuda
