#pragma once
// Where convolutions with pooling go by Winograd's filtering with the images in the lanes, and the
// memory that this takes.

#include "ops/conv2d.h"

namespace pycnn::cpu {

// Of one input channel, or of few outputs, the transforms would take longer than they save.
PYCNN_INLINE bool suits_winograd_pool(const Conv2dGeometry& g) {
  return g.kernel_height == 5 && g.kernel_width == 5 && g.stride_height == 1 &&
         g.stride_width == 1 && g.in_channels >= 4 && g.out_channels >= 8;
}

// Where its parts begin, in floats.
struct WinogradPoolScratch {
  int tiles, rows;                     // of the input, as far as the pooling windows see it
  std::int64_t kernel_point, x_point;  // floats from point to point
  std::int64_t kernel, x, sums, size;

  PYCNN_INLINE explicit WinogradPoolScratch(const Conv2dGeometry& g)
      : tiles(g.out_width / 2), rows(g.out_height / 2 * 2 + 4) {
    constexpr int kPoints = 6;
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

}  // namespace pycnn::cpu
