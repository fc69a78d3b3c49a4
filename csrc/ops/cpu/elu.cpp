#include "ops/elu.h"

#include "ops/cpu/elementwise.h"
#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void forward(float alpha, ConstView x, View y) {
  map(x, y, [alpha](V v) { return v > V{} ? v : alpha * expm1(v); });
}

void backward(float alpha, ConstView dy, ConstView y, View dx) {
  map(dy, y, dx, [alpha](V g, V out) { return out > V{} ? g : g * (out + alpha); });
}

}  // namespace

extern const EluKernels elu_kernels;
const EluKernels elu_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
