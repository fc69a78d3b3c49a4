#pragma once
// A factor's way from memory to a block's shared memory, by registers: the loads of a step are
// under way while the step before is multiplied.

#include "ops/cuda/gemm_operand.cuh"

namespace pycnn::cuda {

// One factor's share of a step: kSize rows (columns) of Tile::kDepth terms, in patches of 4
// elements along the sum, or of 4 across it by as many terms as a word holds.
template <class Tile, class Factor, int kSize>
class Stage {
  static constexpr bool kAlong = Factor::kAlongSum;
  static constexpr int kTerms = kAlong ? 4 : Tile::kTermsPerWord;  // of a patch
  static constexpr int kLines = kAlong ? 1 : 4;
  static constexpr int kPatchesDown = Tile::kDepth / kTerms, kPatchesAcross = kSize / kLines;
  static constexpr int kPatches = kPatchesDown * kPatchesAcross / Tile::kThreads;  // of a thread
  static_assert(kPatches * Tile::kThreads == kPatchesDown * kPatchesAcross);
  // Neighbouring threads take patches that are neighbours in memory.
  static constexpr int kNext = Tile::kThreads / (kAlong ? kPatchesDown : kPatchesAcross);
  static_assert(Tile::kThreads % (kAlong ? kPatchesDown : kPatchesAcross) == 0);

 public:
  __device__ __forceinline__ Stage(const Factor& factor, unsigned first_line)
      : factor_(factor),
        term_(kAlong ? threadIdx.x % kPatchesDown * kTerms : threadIdx.x / kPatchesAcross * kTerms),
        line_(kAlong ? threadIdx.x / kPatchesDown : threadIdx.x % kPatchesAcross * kLines) {
#pragma unroll
    for (int p = 0; p < (kAlong ? kPatches : 1); ++p) {
      lines_[p] = factor.line(first_line + line_ + p * kNext);
    }
  }

  // The terms from k on.
  __device__ __forceinline__ void load(unsigned k) {
    if constexpr (kAlong) {
      const auto step = factor_.step(k + term_);
#pragma unroll
      for (int p = 0; p < kPatches; ++p) factor_.load(lines_[p], step, values_[p]);
    } else {
#pragma unroll
      for (int p = 0; p < kPatches; ++p) {
#pragma unroll
        for (int t = 0; t < kTerms; ++t) {
          const auto step = factor_.step(k + term_ + p * kNext * kTerms + t);
          factor_.load(lines_[0], step, values_[p * kTerms + t]);
        }
      }
    }
  }

  // Adds what was loaded to the sums of the thread's four columns.
  __device__ __forceinline__ void add_columns(float (&sums)[4]) const {
    static_assert(!kAlong);
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
#pragma unroll
      for (int j = 0; j < 4; ++j) sums[j] += values_[v][j];
    }
  }

  __device__ __forceinline__ void store(typename Tile::Word* words) const {
    using Word = typename Tile::Word;
    constexpr int kPerWord = Tile::kTermsPerWord;
#pragma unroll
    for (int p = 0; p < kPatches; ++p) {
      if constexpr (kAlong) {
#pragma unroll
        for (int w = 0; w < 4 / kPerWord; ++w) {
          const int place = Tile::template place<kSize>(term_ / kPerWord + w, line_ + p * kNext);
          words[place] = Tile::pack(values_[p] + w * kPerWord);
        }
      } else {
        Word packed[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          float terms[kTerms];
#pragma unroll
          for (int t = 0; t < kTerms; ++t) terms[t] = values_[p * kTerms + t][j];
          packed[j] = Tile::pack(terms);
        }
        const int place = Tile::template place<kSize>(term_ / kPerWord + p * kNext, line_);
        store_quad(words + place, packed);
      }
    }
  }

 private:
  static constexpr int kVectors = kAlong ? kPatches : kPatches * kTerms;

  const Factor& factor_;
  unsigned term_, line_;  // of the thread's first patch
  typename Factor::Line lines_[kAlong ? kPatches : 1];
  float values_[kVectors][4];
};

}  // namespace pycnn::cuda
