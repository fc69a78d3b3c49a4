#include "ops/sigmoid.h"

#include "ops/cpu/elementwise.h"
#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void forward(ConstView x, View y) {
  map(x, y, [](V v) { return 1.0f / (1.0f + exp(-v)); });
}

void backward(ConstView dy, ConstView y, View dx) {
  map(dy, y, dx, [](V g, V out) { return g * out * (1.0f - out); });
}

}  // namespace

extern const SigmoidKernels sigmoid_kernels;
const SigmoidKernels sigmoid_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
