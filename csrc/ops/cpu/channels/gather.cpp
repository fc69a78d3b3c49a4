#include "ops/gather.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// A row of pixels; `vectors * 16` floats in y for each `channels` elements of the image.
template <typename T>
PYCNN_INLINE void fill_row(const T* from, float scale, float offset, int width, int channels,
                           std::int64_t pixel, float* to) {
  if (channels == pixel) {  // without gaps: one run
    width *= channels;
    channels = 1;
    pixel = 1;
  }
  if (channels == 1 && pixel == 1) {
    for (int i = 0; i < width; ++i) to[i] = static_cast<float>(from[i]) * scale + offset;
    return;
  }
  for (int w = 0; w < width; ++w, from += channels, to += pixel) {
    for (int c = 0; c < channels; ++c) to[c] = static_cast<float>(from[c]) * scale + offset;
  }
}

template <typename T>
void fill(const T* image, float scale, float offset, ChannelView y, int n) {
  const std::int64_t row = std::int64_t{y.width} * y.channels;
  for (int h = 0; h < y.height; ++h) {
    fill_row(image + h * row, scale, offset, y.width, y.channels, y.pixel(), y.at(n, h, 0));
  }
}

void from_float(const float* image, float scale, float offset, ChannelView y, int n) {
  fill(image, scale, offset, y, n);
}

void from_uint8(const std::uint8_t* image, float scale, float offset, ChannelView y, int n) {
  fill(image, scale, offset, y, n);
}

void to_float(ConstChannelView x, int n, float* image) {
  for (int h = 0; h < x.height; ++h) {
    for (int w = 0; w < x.width; ++w, image += x.channels) {
      const float* from = x.at(n, h, w);
      for (int c = 0; c < x.channels; ++c) image[c] = from[c];
    }
  }
}

}  // namespace

extern const GatherChannelKernels gather_channel_kernels;
const GatherChannelKernels gather_channel_kernels{from_float, from_uint8, to_float};

}  // namespace pycnn::cpu::PYCNN_ISA
