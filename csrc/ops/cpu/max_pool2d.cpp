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

void backward(const WindowGeometry& g, ConstView dy, ConstView x, ConstView y, View dx) {
  fill_zero(dx);
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
          store(to, load(to) + (hit ? gradient : V{}));
          gradient = hit ? V{} : gradient;
        }
      }
    }
  });
}

}  // namespace

extern const MaxPool2dKernels max_pool2d_kernels;
const MaxPool2dKernels max_pool2d_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
