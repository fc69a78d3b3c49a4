#pragma once
// One image's patches, as the backward passes of conv2d with pooling read and write them: for each
// output column the kernel_width * in_channels floats that it sees of every input row, row after
// row. So the patch of an output pixel is one run of floats, whatever the size of the kernel, and
// the patch one output row further down begins stride_height rows later.

#include "ops/conv2d.h"

namespace pycnn::cpu {

PYCNN_INLINE constexpr std::int64_t whole_vectors(std::int64_t count) {
  return (count + kLanes - 1) / kLanes * kLanes;
}

struct PatchColumns {
  int rows, columns;       // input rows and output columns that the pooling windows see
  std::int64_t run;        // floats that a patch sees of a row
  std::int64_t row_run;    // and all patches of an output row
  std::int64_t pitch;      // of a run in a column
  std::int64_t patch;      // floats of a patch
  std::int64_t down;       // from a patch to the one below
  std::int64_t image_row;  // of an image with its padding, from which the columns are made
  std::int64_t image;

  PYCNN_INLINE explicit PatchColumns(const Conv2dGeometry& g)
      : rows((g.out_height / 2 * 2 - 1) * g.stride_height + g.kernel_height),
        columns(g.out_width / 2 * 2),
        run(std::int64_t{g.kernel_width} * g.in_channels),
        row_run(std::int64_t{columns - 1} * g.stride_width * g.in_channels + run),
        pitch(whole_vectors(run)),
        patch(g.kernel_height * pitch),
        down(g.stride_height * pitch) {
    const std::int64_t all = std::int64_t{g.pad_left + g.in_width} * g.in_channels;
    const int all_rows = g.pad_top + g.in_height;
    image_row = whole_vectors(all > row_run ? all : row_run);
    // Runs are read in whole vectors, so beyond the last row.
    image = (all_rows > rows ? all_rows : rows) * image_row + kLanes;
  }
  PYCNN_INLINE std::int64_t column() const { return rows * pitch; }
};

// Where the parts of the passes' scratch begin, in floats.
struct PoolBackwardParamsScratch {
  std::int64_t gradients;  // of one image
  std::int64_t images, dy, offsets, columns, dkernel, masks, size;

  PYCNN_INLINE explicit PoolBackwardParamsScratch(const Conv2dGeometry& g) {
    const PatchColumns p(g);
    // Written in whole vectors for every window.
    gradients =
        whole_vectors(std::int64_t{g.out_height / 2} * p.columns / 2 * g.out_channels) + kLanes;
    images = 0;
    dy = images + kLanes * p.image;
    offsets = dy + kLanes * gradients;
    columns = offsets + kLanes * gradients;
    dkernel = columns + p.columns * p.column();
    masks = dkernel + g.out_channels * p.patch;
    const std::int64_t windows = std::int64_t{g.out_height / 2} * (p.columns / 2);
    size = masks + g.out_channels * ((windows + 31) / 32) * kLanes;
  }
};

// Whether the runs of a patch are too short to fill vectors.
PYCNN_INLINE bool has_short_runs(const Conv2dGeometry& g) {
  return std::int64_t{g.kernel_width} * g.in_channels <= 9;
}

// For those, where the patches are read from the images themselves.
struct PoolRowsScratch {
  // Where a window's pixels, gradients and codes begin.
  struct Place {
    std::int64_t x, dy, code;
  };
  std::int64_t images, places, dkernel, masks, size;

  PYCNN_INLINE explicit PoolRowsScratch(const Conv2dGeometry& g) {
    const PatchColumns p(g);
    const std::int64_t windows = std::int64_t{g.out_height / 2} * (p.columns / 2);
    images = 0;
    places = images + kLanes * p.image;
    dkernel = places + whole_vectors(windows * std::int64_t{sizeof(Place) / sizeof(float)});
    masks = dkernel + g.out_channels * p.patch;
    size = masks + g.out_channels * ((windows + 31) / 32) * kLanes;
  }
};

struct PoolBackwardInputScratch {
  static constexpr std::int64_t kMostOfWindow = 384;  // floats
  std::int64_t gradients;                             // of one image
  std::int64_t images, column, kernel, masks, dy, offsets, kernels, size;
  int words;  // of 32 channels
  // Whether the rows that a window sees are few floats, of a kernel size that there is code for:
  // then they are kept in registers down an output column.
  bool by_windows;

  PYCNN_INLINE explicit PoolBackwardInputScratch(const Conv2dGeometry& g) {
    const PatchColumns p(g);
    const std::int64_t windows = std::int64_t{g.out_height / 2} * (p.columns / 2);
    const int k = g.kernel_height;
    by_windows =
        g.stride_height == 1 && (k == 3 || k == 5 || k == 7) && (k + 1) * p.pitch <= kMostOfWindow;
    gradients = whole_vectors(windows * g.out_channels) + kLanes;
    words = (g.out_channels + 31) / 32;
    images = 0;
    // Of images one after the other, runs of whole vectors are added.
    const std::int64_t rest = images + kLanes * p.image + kLanes;
    column = dy = rest;
    kernel = column + p.column();
    offsets = dy + kLanes * gradients;
    kernels = offsets + kLanes * gradients;
    masks = by_windows ? kernels + g.out_channels * (k + 2) * p.pitch
                       : kernel + g.out_channels * p.patch;
    size = masks + windows * (by_windows ? 2 : 4) * words * kLanes;
  }
};

}  // namespace pycnn::cpu
