#include "ops/max_pool2d.h"

#include "ops/cpu/pool_window.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void forward(const WindowGeometry& g, ConstView x, View y) {
  for_each_window(g, [&](int oh, int ow, Window in) {
    const std::int64_t size = std::int64_t{y.channels} * kLanes;
    for (std::int64_t i = 0; i < size; i += W) {
      V largest = load(x.at(in.top, in.left) + i);
      for (int h = in.top; h < in.bottom; ++h) {
        for (int w = in.left; w < in.right; ++w) {
          const V v = load(x.at(h, w) + i);
          // The second test lets NaN win; once it has, nothing compares greater.
          largest = ((v > largest) | (v != v)) ? v : largest;
        }
      }
      store(y.at(oh, ow) + i, largest);
    }
  });
}

// `Apart` says that no two windows overlap: each pixel of dx is written once.
template <bool Apart>
void backward_windows(const WindowGeometry& g, ConstView dy, ConstView x, ConstView y, View dx) {
  for_each_window(g, [&](int oh, int ow, Window in) {
    const std::int64_t size = std::int64_t{y.channels} * kLanes;
    for (std::int64_t i = 0; i < size; i += W) {
      const V largest = load(y.at(oh, ow) + i);
      V gradient = load(dy.at(oh, ow) + i);  // becomes 0 in a lane once it has found its place
      for (int h = in.top; h < in.bottom; ++h) {
        for (int w = in.left; w < in.right; ++w) {
          const V v = load(x.at(h, w) + i);
          const VI hit = (v == largest) | ((v != v) & (largest != largest));
          float* to = dx.at(h, w) + i;
          const V share = hit ? gradient : V{};
          store(to, Apart ? share : load(to) + share);
          gradient = hit ? V{} : gradient;
        }
      }
    }
  });
}

// Whether every pixel is in one window.
bool windows_tile(const WindowGeometry& g) {
  return g.stride_height == g.kernel_height && g.stride_width == g.kernel_width && g.pad_top == 0 &&
         g.pad_left == 0 && g.out_height * g.kernel_height >= g.in_height &&
         g.out_width * g.kernel_width >= g.in_width;
}

void backward(const WindowGeometry& g, ConstView dy, ConstView x, ConstView y, View dx) {
  if (!windows_tile(g)) fill_zero(dx);
  if (g.stride_height >= g.kernel_height && g.stride_width >= g.kernel_width) {
    backward_windows<true>(g, dy, x, y, dx);
  } else {
    backward_windows<false>(g, dy, x, y, dx);
  }
}

}  // namespace

extern const MaxPool2dKernels max_pool2d_kernels;
const MaxPool2dKernels max_pool2d_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
