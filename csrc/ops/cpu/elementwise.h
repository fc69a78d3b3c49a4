#pragma once
// Maps over all elements of views of one shape, row by row (halos differ from view to view).

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

template <typename F>
PYCNN_INLINE void map(ConstView x, View y, F f) {
  const std::int64_t size = y.row_size();
  for (int h = 0; h < y.height; ++h) {
    const float* xr = x.at(h, 0);
    float* yr = y.at(h, 0);
    for (std::int64_t i = 0; i < size; i += W) store(yr + i, f(load(xr + i)));
  }
}

template <typename F>
PYCNN_INLINE void map(ConstView a, ConstView b, View y, F f) {
  const std::int64_t size = y.row_size();
  for (int h = 0; h < y.height; ++h) {
    const float* ar = a.at(h, 0);
    const float* br = b.at(h, 0);
    float* yr = y.at(h, 0);
    for (std::int64_t i = 0; i < size; i += W) store(yr + i, f(load(ar + i), load(br + i)));
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
