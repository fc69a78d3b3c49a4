#pragma once
// Places of an activation, from and to the index of an element in memory.

#include "ops/cuda/divider.cuh"
#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

// The channel of an element, for ops that need no more.
__device__ __forceinline__ int channel_of(const Divider& by_channels, std::int64_t index) {
  return static_cast<int>(by_channels.remainder(static_cast<unsigned>(index)));
}

struct Place {
  int image, h, w, c;
};

// The sizes of an activation, for kernels.
class Nhwc {
 public:
  template <typename T>
  explicit Nhwc(const BasicView<T>& v)
      : height(v.height),
        width(v.width),
        channels(v.channels),
        by_height_(static_cast<unsigned>(v.height)),
        by_width_(static_cast<unsigned>(v.width)),
        by_channels_(static_cast<unsigned>(v.channels)) {}

  __device__ __forceinline__ Place place(std::int64_t index) const {
    unsigned rest = static_cast<unsigned>(index);
    const int c = static_cast<int>(by_channels_.split(rest));
    const int w = static_cast<int>(by_width_.split(rest));
    const int h = static_cast<int>(by_height_.split(rest));
    return {static_cast<int>(rest), h, w, c};
  }

  // Below 2^31, like every index into an operand.
  __device__ __forceinline__ int index(Place p) const {
    return ((p.image * height + p.h) * width + p.w) * channels + p.c;
  }

  int height, width, channels;

 private:
  Divider by_height_, by_width_, by_channels_;
};

}  // namespace pycnn::cuda
