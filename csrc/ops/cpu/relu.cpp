#include "ops/relu.h"

#include "ops/cpu/elementwise.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void forward(ConstView x, View y) {
  map(x, y, [](V v) { return relu(v); });
}

void backward(ConstView dy, ConstView y, View dx) {
  map(dy, y, dx, [](V g, V out) { return relu_gradient(g, out); });
}

}  // namespace

extern const ReluKernels relu_kernels;
const ReluKernels relu_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
