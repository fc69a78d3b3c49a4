#pragma once
// Transposes in registers: of squares of W x W, and between the block layout and rows of single
// images.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

// Of two blocks of Step lanes each, a's lanes first and then b's: the first or the second blocks.
template <int Step, int Second, int... Lane>
PYCNN_INLINE V merge(V a, V b, std::integer_sequence<int, Lane...>) {
  return PYCNN_SHUFFLE(
      a, b, ((Lane & Step) != 0 ? W + (Lane & ~Step) + Second * Step : Lane + Second * Step)...);
}

// v[i][j] becomes v[j][i]. Each round swaps, in every square of 2 Step x 2 Step elements, the
// quarter above the diagonal with the one below it. Rows from `Rows`, a power of 2, on count as 0.
template <int Rows = W, int Step = 1>
PYCNN_INLINE void transpose(V (&v)[W]) {
  using Lanes = std::make_integer_sequence<int, W>;
  PYCNN_UNROLL
  for (int i = 0; i < (Rows > Step ? Rows : Step); ++i) {
    if ((i & Step) != 0) continue;
    const V a = v[i], b = i + Step < Rows ? v[i + Step] : V{};
    v[i] = merge<Step, 0>(a, b, Lanes());
    v[i + Step] = merge<Step, 1>(a, b, Lanes());
  }
  if constexpr (2 * Step < W) transpose<(Rows > Step ? Rows : 2 * Step), 2 * Step>(v);
}

// at(i, lane): W lanes of element i of a block, for i < count, at most 16. To a row of each image;
// the images' rows are `image` floats apart. Writes 16 floats to each, zeros beyond `count`.
template <typename At>
PYCNN_INLINE void block_to_images(std::int64_t count, float* to, std::int64_t image, At at) {
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int element = 0; element < kLanes; element += W) {
      V v[W];
      PYCNN_UNROLL
      for (int i = 0; i < W; ++i) {
        v[i] = element + i < count ? at(element + i, lane) : V{};
      }
      transpose(v);
      PYCNN_UNROLL
      for (int i = 0; i < W; ++i) store_unaligned(to + (lane + i) * image + element, v[i]);
    }
  }
}

// The way back. Reads 16 floats of each image, writes `count` elements.
PYCNN_INLINE void images_to_block(const float* from, std::int64_t image, std::int64_t count,
                                  float* to) {
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int element = 0; element < kLanes; element += W) {
      V v[W];
      PYCNN_UNROLL
      for (int i = 0; i < W; ++i) v[i] = load_unaligned(from + (lane + i) * image + element);
      transpose(v);
      PYCNN_UNROLL
      for (int i = 0; i < W; ++i) {
        if (element + i < count) store(to + (element + i) * kLanes + lane, v[i]);
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
