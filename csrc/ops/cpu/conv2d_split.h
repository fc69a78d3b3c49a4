#pragma once
// The pooled gradient of a block image by image, for the passes of conv2d with pooling that go
// through images one by one, channel after channel.

#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/transpose.h"

namespace pycnn::cpu::PYCNN_ISA {

// For each channel bits of the windows: bit i % 32 of masks[channel][i / 32][image] is set where
// window i lets a gradient through.
struct LiveMasks {
  int channels, windows;

  int words() const { return (windows + 31) / 32; }
  std::int64_t row() const { return std::int64_t{words()} * kLanes; }
};

inline LiveMasks find_live_windows(ConstView dy, const std::uint8_t* code, std::uint32_t* masks) {
  const LiveMasks m{dy.channels, dy.height * dy.width};
  const std::int64_t window = std::int64_t{dy.channels} * kLanes;
  for (int o = 0; o < m.channels; ++o) {
    for (int word = 0; word < m.words(); ++word, masks += kLanes) {
      const int first = 32 * word, left = m.windows - first, count = left < 32 ? left : 32;
      const std::uint8_t* from = code + first * window + std::int64_t{o} * kLanes;
      for (int lane = 0; lane < kLanes; lane += W) {
        VI bits{};
        for (int i = count; i-- > 0;) {
          bits = (bits << 1) - (load_bytes(from + i * window + lane) != 4);
        }
        store(reinterpret_cast<float*>(masks + lane), as_float(bits));
      }
    }
  }
  return m;
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

// To [image][window][channel], the images `image` apart: the gradient, and where in the columns the
// patch begins that the window's winner sees.
inline void split_gradients(const PatchColumns& p, ConstView dy, const std::uint8_t* code,
                            std::int64_t image, float* gradients, std::int32_t* offsets) {
  const VI right = splat_int(static_cast<std::int32_t>(p.column()));
  const VI down = splat_int(static_cast<std::int32_t>(p.down));
  for (int h = 0; h < dy.height; ++h) {
    for (int w = 0; w < dy.width; ++w, code += std::int64_t{dy.channels} * kLanes) {
      const VI first = splat_int(static_cast<std::int32_t>(2 * (h * p.down + w * p.column())));
      for (int o = 0; o < dy.channels; o += kLanes) {
        const float* from = dy.at(h, w, o);
        const std::uint8_t* c = code + std::int64_t{o} * kLanes;
        block_to_images(dy.channels - o, gradients + o, image,
                        [&](int k, int lane) { return load(from + k * kLanes + lane); });
        block_to_images(dy.channels - o, reinterpret_cast<float*>(offsets + o), image,
                        [&](int k, int lane) {
                          const VI place = load_bytes(c + k * kLanes + lane);
                          return as_float(first + (place & 1) * right + (place >> 1 & 1) * down);
                        });
      }
      gradients += dy.channels;
      offsets += dy.channels;
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
