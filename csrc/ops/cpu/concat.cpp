#include "ops/concat.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Copies position by position: `height` x `width` positions of `size` floats.
template <typename From, typename To>
PYCNN_INLINE void copy(int height, int width, std::int64_t size, From from, To to) {
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w) {
      const float* f = from(h, w);
      float* t = to(h, w);
      for (std::int64_t i = 0; i < size; i += W) store(t + i, load(f + i));
    }
  }
}

void forward(ConstView x, ConcatOffset at, View y) {
  copy(
      x.height, x.width, std::int64_t{x.channels} * kLanes,
      [&](int h, int w) { return x.at(h, w); },
      [&](int h, int w) { return y.at(h + at.height, w + at.width, at.channels); });
}

void backward(ConstView dy, ConcatOffset at, View dx) {
  copy(
      dx.height, dx.width, std::int64_t{dx.channels} * kLanes,
      [&](int h, int w) { return dy.at(h + at.height, w + at.width, at.channels); },
      [&](int h, int w) { return dx.at(h, w); });
}

}  // namespace

extern const ConcatKernels concat_kernels;
const ConcatKernels concat_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
