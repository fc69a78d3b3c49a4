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

}  // namespace pycnn::cpu::PYCNN_ISA
