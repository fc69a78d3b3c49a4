#include "ops/avg_pool2d.h"

#include "ops/cpu/pool_window.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

float count(Window in) { return static_cast<float>((in.bottom - in.top) * (in.right - in.left)); }

void forward(const WindowGeometry& g, ConstView x, View y) {
  for_each_window(g, [&](int oh, int ow, Window in) {
    const std::int64_t size = std::int64_t{y.channels} * kLanes;
    for (std::int64_t i = 0; i < size; i += W) {
      V sum{};
      for (int h = in.top; h < in.bottom; ++h) {
        for (int w = in.left; w < in.right; ++w) sum += load(x.at(h, w) + i);
      }
      store(y.at(oh, ow) + i, sum / count(in));
    }
  });
}

void backward(const WindowGeometry& g, ConstView dy, View dx) {
  fill_zero(dx);
  for_each_window(g, [&](int oh, int ow, Window in) {
    const std::int64_t size = std::int64_t{dx.channels} * kLanes;
    for (std::int64_t i = 0; i < size; i += W) {
      const V share = load(dy.at(oh, ow) + i) / count(in);
      for (int h = in.top; h < in.bottom; ++h) {
        for (int w = in.left; w < in.right; ++w) {
          float* to = dx.at(h, w) + i;
          store(to, load(to) + share);
        }
      }
    }
  });
}

}  // namespace

extern const AvgPool2dKernels avg_pool2d_kernels;
const AvgPool2dKernels avg_pool2d_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
