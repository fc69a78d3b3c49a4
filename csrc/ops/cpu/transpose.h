#pragma once
// Transposes in registers: between the block layout and rows of single images.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

// v[i][j] becomes v[j][i]: in each round vector i meets vector i + W / 2.
PYCNN_INLINE void transpose(V (&v)[W]) {
  PYCNN_UNROLL
  for (int width = 1; width < W; width *= 2) {
    V next[W];
    PYCNN_UNROLL
    for (int i = 0; i < W / 2; ++i) {
      next[2 * i] = interleave_low(v[i], v[i + W / 2]);
      next[2 * i + 1] = interleave_high(v[i], v[i + W / 2]);
    }
    PYCNN_UNROLL
    for (int i = 0; i < W; ++i) v[i] = next[i];
  }
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
