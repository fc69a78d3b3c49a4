#pragma once
// The windows of a pooling op, cut to the input: padding takes no part.

#include "ops/cuda/nhwc.cuh"
#include "ops/padding.h"

namespace pycnn::cuda {

struct Window {
  int top, bottom, left, right;  // half open
};

__device__ __forceinline__ Window window_of(const WindowGeometry& g, int oh, int ow) {
  const int h = oh * g.stride_height - g.pad_top;
  const int w = ow * g.stride_width - g.pad_left;
  return {h > 0 ? h : 0, h + g.kernel_height < g.in_height ? h + g.kernel_height : g.in_height,
          w > 0 ? w : 0, w + g.kernel_width < g.in_width ? w + g.kernel_width : g.in_width};
}

// The first of the windows along an axis that hold the position, and one after the last.
__device__ __forceinline__ int first_window(int position, int pad, int kernel, int stride) {
  const int before = position + pad - kernel;  // the first one begins after this
  return before < 0 ? 0 : before / stride + 1;
}
__device__ __forceinline__ int last_window(int position, int pad, int stride, int windows) {
  const int end = (position + pad) / stride + 1;
  return end < windows ? end : windows;
}

// Calls f(oh, ow) for the windows that hold (h, w), in row-major order. A gradient is gathered by
// them, so that the sum has one order and needs no atomics.
template <typename F>
__device__ __forceinline__ void for_each_window_of(const WindowGeometry& g, int h, int w, F f) {
  const int top = first_window(h, g.pad_top, g.kernel_height, g.stride_height);
  const int bottom = last_window(h, g.pad_top, g.stride_height, g.out_height);
  const int left = first_window(w, g.pad_left, g.kernel_width, g.stride_width);
  const int right = last_window(w, g.pad_left, g.stride_width, g.out_width);
  for (int oh = top; oh < bottom; ++oh) {
    for (int ow = left; ow < right; ++ow) f(oh, ow);
  }
}

}  // namespace pycnn::cuda
