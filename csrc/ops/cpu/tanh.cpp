#include "ops/tanh.h"

#include "ops/cpu/elementwise.h"
#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Near 0 the odd Taylor series (1 - 2 / (e^2x + 1) would cancel); elsewhere the formula with exp.
V tanh(V x) {
  const V a = x < V{} ? -x : x;
  const V s = x * x;
  V p = splat(-1382.0f / 155925);
  p = p * s + 62.0f / 2835;
  p = p * s - 17.0f / 315;
  p = p * s + 2.0f / 15;
  p = p * s - 1.0f / 3;
  const V small = x + x * s * p;
  const V large = 1.0f - 2.0f / (exp(2.0f * a) + 1.0f);
  const V signed_large = x < V{} ? -large : large;
  return a < splat(0.3f) ? small : signed_large;
}

void forward(ConstView x, View y) {
  map(x, y, [](V v) { return tanh(v); });
}

void backward(ConstView dy, ConstView y, View dx) {
  map(dy, y, dx, [](V g, V out) { return g * (1.0f - out * out); });
}

}  // namespace

extern const TanhKernels tanh_kernels;
const TanhKernels tanh_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
