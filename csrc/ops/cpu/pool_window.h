#pragma once
// The windows of a pooling op, cut to the input: padding takes no part.

#include "ops/cpu/simd.h"
#include "ops/padding.h"

namespace pycnn::cpu::PYCNN_ISA {

struct Window {
  int top, bottom, left, right;  // half open
};

template <typename F>
PYCNN_INLINE void for_each_window(const WindowGeometry& g, F f) {
  for (int oh = 0; oh < g.out_height; ++oh) {
    const int h = oh * g.stride_height - g.pad_top;
    const int top = h > 0 ? h : 0;
    const int bottom = h + g.kernel_height < g.in_height ? h + g.kernel_height : g.in_height;
    for (int ow = 0; ow < g.out_width; ++ow) {
      const int w = ow * g.stride_width - g.pad_left;
      const int left = w > 0 ? w : 0;
      const int right = w + g.kernel_width < g.in_width ? w + g.kernel_width : g.in_width;
      f(oh, ow, Window{top, bottom, left, right});
    }
  }
}

inline void fill_zero(View v) {
  for (int h = 0; h < v.height; ++h) {
    float* row = v.at(h, 0);
    for (std::int64_t i = 0; i < v.row_size(); i += W) store(row + i, V{});
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
