#pragma once
// The pooled gradient of a block image by image, for the passes of conv2d with pooling that go
// through images one by one, channel after channel.

#include "ops/cpu/transpose.h"

namespace pycnn::cpu::PYCNN_ISA {

// Numbers (o, i) of a block of codes, so many codes from one to the next, as bits: bit i % 32 of
// masks[o][i / 32][image].
struct LiveMasks {
  int outer, inner;
  std::int64_t outer_step, inner_step;

  int words() const { return (inner + 31) / 32; }
  std::int64_t row() const { return std::int64_t{words()} * kLanes; }
  std::int64_t size() const { return outer * row(); }
};

// Sets the bits where is_live(code).
template <typename IsLive>
PYCNN_INLINE void find_live(const LiveMasks& m, const std::uint8_t* code, std::uint32_t* masks,
                            IsLive is_live) {
  for (int o = 0; o < m.outer; ++o) {
    for (int word = 0; word < m.words(); ++word, masks += kLanes) {
      const int first = 32 * word, left = m.inner - first, count = left < 32 ? left : 32;
      const std::uint8_t* from = code + o * m.outer_step + first * m.inner_step;
      for (int lane = 0; lane < kLanes; lane += W) {
        VI bits{};
        for (int i = count; i-- > 0;) {
          bits = (bits << 1) - is_live(load_bytes(from + i * m.inner_step + lane));
        }
        store(reinterpret_cast<float*>(masks + lane), as_float(bits));
      }
    }
  }
}

// Calls f(i) for the bits that are set in the words of one image.
template <typename F>
PYCNN_INLINE void for_live(const std::uint32_t* masks, int words, F f) {
  for (int word = 0; word < words; ++word) {
    for (std::uint32_t left = masks[word * kLanes]; left != 0; left &= left - 1) {
      f(32 * word + __builtin_ctz(left));
    }
  }
}

// How far the place of a window's winner moves what it belongs to.
struct PlaceOffsets {
  std::int32_t right, down;
};

// To [image][window][channel], the images `image` apart: the gradient, and first(h, w, o) moved by
// the winner's place.
template <typename First>
PYCNN_INLINE void split_gradients(ConstView dy, const std::uint8_t* code, std::int64_t image,
                                  PlaceOffsets move, float* gradients, std::int32_t* offsets,
                                  First first) {
  const VI right = splat_int(move.right), down = splat_int(move.down);
  for (int h = 0; h < dy.height; ++h) {
    for (int w = 0; w < dy.width; ++w, code += std::int64_t{dy.channels} * kLanes) {
      for (int o = 0; o < dy.channels; o += kLanes) {
        const float* from = dy.at(h, w, o);
        const std::uint8_t* c = code + std::int64_t{o} * kLanes;
        block_to_images(dy.channels - o, gradients + o, image,
                        [&](int k, int lane) { return load(from + k * kLanes + lane); });
        block_to_images(dy.channels - o, reinterpret_cast<float*>(offsets + o), image,
                        [&](int k, int lane) {
                          const VI place = load_bytes(c + k * kLanes + lane);
                          const VI begin = splat_int(static_cast<std::int32_t>(first(h, w, o + k)));
                          return as_float(begin + (place & 1) * right + (place >> 1 & 1) * down);
                        });
      }
      gradients += dy.channels;
      offsets += dy.channels;
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
