#include "ops/rescale.h"

#include "ops/cpu/elementwise.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void forward(float scale, float offset, ConstView x, View y) {
  map(x, y, [=](V v) { return v * scale + offset; });
}

void backward(float scale, ConstView dy, View dx) {
  map(dy, dx, [=](V g) { return g * scale; });
}

}  // namespace

extern const RescaleKernels rescale_kernels;
const RescaleKernels rescale_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
