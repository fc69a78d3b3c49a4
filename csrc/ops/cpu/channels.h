#pragma once
// The second layout of the CPU backend, for few images or wide layers: the lanes are channels.
//
// An activation of one image is [height][width][vectors][16] floats, vectors = ceil(channels / 16):
// all channels of a pixel, then the next pixel; with a halo of zeros where a convolution wants one.
// The images of a batch follow each other at a fixed distance. What lies in the lanes beyond the
// last channel is arbitrary; no kernel may let it reach another lane or a result. Images of few
// channels that convolutions alone read are not filled up: a pixel has as many floats as channels.
//
// Here an op runs on the whole batch before the next one begins, and its kernel deals the work out
// to the threads of a team. Every number is computed by one thread in one order, whatever the size
// of the team: where a sum is cut into partial sums, their number depends on sizes alone.

#include "core/team.h"
#include "ops/cpu/block.h"

namespace pycnn::cpu {

// What kernels may use of their thread's workspace.
inline constexpr std::size_t kWorkspaceBytes = 320 * 1024;

// `data` is the first element of image 0 inside the halo; indices may reach into the halo.
template <typename T>
struct BasicChannelView {
  T* data;
  std::int64_t image;  // elements from one image to the next
  std::int64_t row;    // elements from one row to the next, halo included
  int images, height, width, channels;
  bool filled_up = true;  // pixels, to whole vectors

  PYCNN_INLINE int vectors() const { return (channels + kLanes - 1) / kLanes; }
  PYCNN_INLINE std::int64_t pixel() const {
    return filled_up ? std::int64_t{vectors()} * kLanes : channels;
  }
  PYCNN_INLINE T* at(std::int64_t n, std::int64_t h, std::int64_t w) const {
    return data + n * image + h * row + w * pixel();
  }
};

using ChannelView = BasicChannelView<float>;
using ConstChannelView = BasicChannelView<const float>;
using ChannelCodes = BasicChannelView<std::uint8_t>;
using ConstChannelCodes = BasicChannelView<const std::uint8_t>;

PYCNN_INLINE ConstChannelView as_const(ChannelView v) {
  return {v.data, v.image, v.row, v.images, v.height, v.width, v.channels, v.filled_up};
}
PYCNN_INLINE ConstChannelCodes as_const(ChannelCodes v) {
  return {v.data, v.image, v.row, v.images, v.height, v.width, v.channels};
}

}  // namespace pycnn::cpu
