#pragma once
// Where convolutions with pooling go by Winograd's filtering with the images in the lanes, and the
// memory that this takes.

#include "ops/conv2d.h"

namespace pycnn::cpu {

// Where its parts begin, in floats: of six points, for tiles of two columns and kernels of 5x5.
struct WinogradPoolScratch {
  static constexpr int kPoints = 6;
  // Odd, so that what lies between the vectors of one point leaves them all sets of a cache.
  static constexpr int kPointSlots = 7;
  static constexpr int kRows = 6;       // of the input that a row of pooling windows sees
  static constexpr int kLines = 7;      // sums of them, see conv2d_pool_winograd.cpp
  static constexpr int kMostTiles = 3;  // at a time
  static constexpr int kWindowRows = 2;
  bool single;          // one input channel: conv2d_pool_winograd_single.cpp
  int tiles;            // in a row
  std::int64_t column;  // weights of one kernel row and column
  std::int64_t x_row;   // floats of the points of an input row
  // Kernel and input at the points, the lines of a few tiles at one of them, their windows' sums
  // (for a single channel, too, which has no use for the last two).
  std::int64_t kernel, x, lines, sums, size;

  PYCNN_INLINE explicit WinogradPoolScratch(const Conv2dGeometry& g)
      : single(g.in_channels == 1),
        tiles(g.out_width / 2),
        column(std::int64_t{g.in_channels} * g.out_channels),
        x_row(std::int64_t{tiles} * g.in_channels * kPointSlots * kLanes),
        kernel(0),
        x((kLines * kPoints * column + kLanes - 1) / kLanes * kLanes),
        lines(x + kRows * x_row),
        sums(lines + std::int64_t{kMostTiles} * kLines * g.in_channels * kLanes),
        size(sums + std::int64_t{kMostTiles} * g.out_channels * kWindowRows * kPoints * kLanes) {}
};

// Of few outputs, the transforms would take longer than they save. Timed up to that many floats
// (28x28 pixels of 64 channels to 64).
PYCNN_INLINE bool suits_winograd_pool(const Conv2dGeometry& g) {
  constexpr std::int64_t kMostFloats = 1024 * 1024;
  return g.kernel_height == 5 && g.kernel_width == 5 && g.stride_height == 1 &&
         g.stride_width == 1 && g.dilation_height == 1 && g.dilation_width == 1 && g.groups == 1 &&
         g.out_channels >= 4 && WinogradPoolScratch(g).size <= kMostFloats;
}

}  // namespace pycnn::cpu
