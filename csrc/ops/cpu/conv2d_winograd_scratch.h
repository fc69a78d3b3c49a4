#pragma once
// Where convolutions with pooling go by Winograd's filtering with the images in the lanes, and the
// memory that this takes.

#include "ops/conv2d.h"

namespace pycnn::cpu {

// Where its parts begin, in floats: of six points, for tiles of two columns and kernels of 5x5.
struct WinogradPoolScratch {
  static constexpr int kPoints = 6;
  int tiles, rows;                     // of the input, as far as the pooling windows see it
  std::int64_t kernel_point, x_point;  // floats from point to point
  std::int64_t kernel, x, sums, size;

  PYCNN_INLINE explicit WinogradPoolScratch(const Conv2dGeometry& g)
      : tiles(g.out_width / 2), rows(g.out_height / 2 * 2 + 4) {
    const std::int64_t weights = std::int64_t{5} * g.in_channels * g.out_channels;
    // Written in whole vectors, row after row.
    kernel_point = (weights + kLanes - 1) / kLanes * kLanes + kLanes;
    x_point = std::int64_t{rows} * tiles * g.in_channels * kLanes;
    kernel = 0;
    x = kernel + kPoints * kernel_point;
    sums = x + kPoints * x_point;
    size = sums + kPoints * std::int64_t{2} * tiles * g.out_channels * kLanes;
  }
};

// Of one input channel, or of few outputs, the transforms would take longer than they save; and of
// large images they would leave the caches.
PYCNN_INLINE bool suits_winograd_pool(const Conv2dGeometry& g) {
  constexpr std::int64_t kMostFloats = 128 * 1024;
  return g.kernel_height == 5 && g.kernel_width == 5 && g.stride_height == 1 &&
         g.stride_width == 1 && g.dilation_height == 1 && g.dilation_width == 1 && g.groups == 1 &&
         g.in_channels >= 4 && g.out_channels >= 8 && WinogradPoolScratch(g).size <= kMostFloats;
}

}  // namespace pycnn::cpu
