#pragma once
// Where convolutions with pooling go by Winograd's filtering with the images in the lanes, and the
// memory that this takes.

#include "ops/conv2d.h"

namespace pycnn::cpu {

// Where its parts begin, in floats: of six points, for tiles of two columns and kernels of 5x5.
struct WinogradPoolScratch {
  static constexpr int kPoints = 6;
  static constexpr int kRows = 6;  // of the input that a row of pooling windows sees
  int tiles;
  std::int64_t column;  // weights of one kernel row and column
  std::int64_t x_row;   // floats of the points of an input row
  std::int64_t kernel, x, size;

  PYCNN_INLINE explicit WinogradPoolScratch(const Conv2dGeometry& g)
      : tiles(g.out_width / 2),
        column(std::int64_t{g.in_channels} * g.out_channels),
        x_row(std::int64_t{tiles} * g.in_channels * kPoints * kLanes),
        kernel(0),
        x((5 * kPoints * column + kLanes - 1) / kLanes * kLanes),
        size(x + kRows * x_row) {}
};

// Of few outputs, the transforms would take longer than they save. Timed up to that many floats.
PYCNN_INLINE bool suits_winograd_pool(const Conv2dGeometry& g) {
  constexpr std::int64_t kMostFloats = 512 * 1024;
  return g.kernel_height == 5 && g.kernel_width == 5 && g.stride_height == 1 &&
         g.stride_width == 1 && g.dilation_height == 1 && g.dilation_width == 1 && g.groups == 1 &&
         g.out_channels >= 4 && WinogradPoolScratch(g).size <= kMostFloats;
}

}  // namespace pycnn::cpu
