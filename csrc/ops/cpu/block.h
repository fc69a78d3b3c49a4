#pragma once
// The block layout of the CPU backend: 16 images lie in the innermost dimension, so that every
// SIMD lane is one image and every channel count fills every lane.
//
// An activation of a block is [height][width][channels][16] floats, if a convolution wants it with
// a halo of zeros around height and width. Kernels see it through a view.

#include <cstdint>

// Kernels see functions that are not in the namespace of an instruction set. Were one of these not
// inlined, each set would bring a copy, the linker would keep any one of them, and a machine
// without AVX-512 could end in its instructions.
#define PYCNN_INLINE inline __attribute__((always_inline))

namespace pycnn::cpu {

inline constexpr int kLanes = 16;

// `data` is the first element inside the halo; (h, w, c) of image l is at
// data[h * row + (w * channels + c) * kLanes + l]. Indices may reach into the halo.
template <typename T>
struct BasicView {
  T* data;
  std::int64_t row;  // elements from one row to the next, halo included
  int height, width, channels;

  PYCNN_INLINE T* at(std::int64_t h, std::int64_t w, std::int64_t c = 0) const {
    return data + h * row + (w * channels + c) * kLanes;
  }
  // Elements of one row without its halo; they are contiguous.
  PYCNN_INLINE std::int64_t row_size() const { return std::int64_t{width} * channels * kLanes; }
};

using View = BasicView<float>;
using ConstView = BasicView<const float>;

PYCNN_INLINE ConstView as_const(View v) { return {v.data, v.row, v.height, v.width, v.channels}; }

}  // namespace pycnn::cpu
