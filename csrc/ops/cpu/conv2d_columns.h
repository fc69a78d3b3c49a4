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

struct PoolBackwardInputScratch {
  static constexpr int kFewFloats = 256, kFewChannels = 32;
  std::int64_t gradients;  // of one image
  std::int64_t images, column, kernel, masks, dy, offsets, size;
  int words;  // of 32 channels or windows
  // Which is the outer loop. Where patches are short and channels few, a channel's kernel is kept
  // in registers and added to the patches of its windows; else a patch, and channels are added to
  // it.
  bool by_channels;

  PYCNN_INLINE explicit PoolBackwardInputScratch(const Conv2dGeometry& g) {
    const PatchColumns p(g);
    const int windows = g.out_height / 2 * (p.columns / 2);
    by_channels = p.patch <= kFewFloats && g.out_channels <= kFewChannels;
    words = ((by_channels ? windows : g.out_channels) + 31) / 32;
    gradients = by_channels ? whole_vectors(std::int64_t{windows} * g.out_channels) + kLanes : 0;
    images = 0;
    // Of images one after the other, runs of whole vectors are added.
    column = images + kLanes * p.image + kLanes;
    kernel = column + (by_channels ? p.columns : 1) * p.column();
    dy = kernel + g.out_channels * p.patch;
    offsets = dy + kLanes * gradients;
    masks = offsets + kLanes * gradients;
    size = masks + (by_channels ? g.out_channels : std::int64_t{windows} * 4) * words * kLanes;
  }
};

}  // namespace pycnn::cpu
