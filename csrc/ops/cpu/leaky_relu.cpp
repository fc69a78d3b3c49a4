#include "ops/leaky_relu.h"

#include "ops/cpu/elementwise.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void forward(float slope, ConstView x, View y) {
  map(x, y, [slope](V v) { return v > V{} ? v : slope * v; });
}

void backward(float slope, ConstView dy, ConstView y, View dx) {
  map(dy, y, dx, [slope](V g, V out) { return out > V{} ? g : slope * g; });
}

}  // namespace

extern const LeakyReluKernels leaky_relu_kernels;
const LeakyReluKernels leaky_relu_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
