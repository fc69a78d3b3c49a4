#pragma once
// The pooled gradient of a block image by image, for the passes of conv2d with pooling that go
// through images one by one.

#include "ops/cpu/transpose.h"

namespace pycnn::cpu::PYCNN_ISA {

// How far the place of a window's winner moves what it belongs to.
struct PlaceOffsets {
  std::int32_t right, down;
};

// To [image][window][channel], the images `image` apart: the gradient, 0 where none comes through,
// and first(h, w, o) moved by the winner's place.
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
        block_to_images(dy.channels - o, gradients + o, image, [&](int k, int lane) {
          const VI place = load_bytes(c + k * kLanes + lane);
          return place == 4 ? V{} : load(from + k * kLanes + lane);
        });
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
