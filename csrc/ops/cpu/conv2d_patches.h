#pragma once
// Backward of conv2d with pooling, one image at a time. Of the four sums of a window one has a
// gradient, and which one differs from image to image: so the lanes lie along the patch that a sum
// reads, and only that patch is touched. Where images and gradients come from is the caller's.

#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/conv2d_split.h"
#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {

// Vectors of a patch that are summed at a time.
inline constexpr int kPatchVectors = kAccumulators == 24 ? 16 : 10;

// The windows of one channel and image: those that have a gradient. That of window i is at
// [i * step], and so is the place in the columns where its patch begins.
struct ChannelWindows {
  const std::uint32_t* live;
  int words, step;
  const float* gradients;
  const std::int32_t* offsets;
};

// dkernel += sum of gradient * patch over the windows, N vectors of the patch.
template <int N>
void add_patches(const float* columns, const ChannelWindows& windows, float* dkernel) {
  V acc[N];
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) acc[n] = load(dkernel + n * W);
  for_live(windows.live, windows.words, [&](int i) {
    const float* patch = columns + windows.offsets[i * windows.step];
    const V gradient = splat(windows.gradients[i * windows.step]);
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[n] += gradient * load(patch + n * W);
  });
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) store(dkernel + n * W, acc[n]);
}

// patch += sum of gradient * kernel over the channels whose bit is set, N vectors of the patch. The
// gradient of channel o is at [o * step], its kernel at [o * row], word w of the bits at [w *
// step].
template <int N>
void scatter_patch(const std::uint32_t* mask, int words, const float* gradients, int step,
                   const float* kernel, std::int64_t row, float* patch) {
  V acc[N];
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) acc[n] = load(patch + n * W);
  for (int word = 0; word < words; ++word) {
    for (std::uint32_t left = mask[word * step]; left != 0; left &= left - 1) {
      const int o = word * 32 + __builtin_ctz(left);
      const V gradient = splat(gradients[std::int64_t{o} * step]);
      PYCNN_UNROLL
      for (int n = 0; n < N; ++n) acc[n] += gradient * load(kernel + o * row + n * W);
    }
  }
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) store(patch + n * W, acc[n]);
}

// x with its padding, to rows of single images.
inline void split_images(const Conv2dGeometry& g, const PatchColumns& p, ConstView x,
                         float* images) {
  for (int h = 0; h < p.rows; ++h) {
    const float* from = x.at(h - g.pad_top, -g.pad_left);
    float* to = images + h * p.image_row;
    for (std::int64_t i = 0; i < p.row_run; i += kLanes, from += kLanes * kLanes) {
      block_to_images(p.row_run - i, to + i, p.image,
                      [&](int k, int lane) { return load(from + k * kLanes + lane); });
    }
  }
}

// From [channel][patch], padded, to the layout of the weights.
inline void write_kernel(const Conv2dGeometry& g, const PatchColumns& p, const float* patches,
                         bool accumulate, float* dkernel) {
  for (int a = 0; a < g.kernel_height; ++a) {
    for (std::int64_t j = 0; j < p.run; ++j) {
      for (int o = 0; o < g.out_channels; ++o, ++dkernel) {
        const float sum = patches[o * p.patch + a * p.pitch + j];
        *dkernel = accumulate ? *dkernel + sum : sum;
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
