#include "ops/gelu.h"

#include "ops/cpu/elementwise.h"
#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr float kInverseSqrt2Pi = 0.398942280f;
constexpr float kSqrt2OverPi = 0.797884561f;
constexpr float kCubic = 0.044715f;

// Beyond 15 both tails are below the smallest float; clamped, infinity times 0 does not arise.
// NaN stays.
constexpr float kFar = 15.0f;
V from_below(V x) { return x < splat(-kFar) ? splat(-kFar) : x; }
V clamped(V x) { return x > splat(kFar) ? splat(kFar) : from_below(x); }

struct Normal {
  V e;  // exp(-x^2 / 2)
  V p;  // P(x)
};

// The lower tail, P(-|x|) = erfc(|x| / sqrt 2) / 2, without the cancellation of 1 + erf: with
// t = 1 / (1 + 0.35 |x|) it is exp(-x^2 / 2) times t times a polynomial in t, fitted for the least
// relative error on |x| <= 15: 3.3e-8. With float's rounding the tail is exact to
// (4 + x^2 / 2) * 1.2e-7 relative, and erf(x / sqrt 2) = 2 P - 1 to 4e-7 absolute.
Normal normal(V x) {
  const V a = x < V{} ? -x : x;
  const V t = 1.0f / (1.0f + 0.35f * a);
  V q = splat(-0.0583276525f);
  q = q * t + 0.288120657f;
  q = q * t - 0.511801839f;
  q = q * t + 0.318783730f;
  q = q * t - 0.0465262942f;
  q = q * t + 0.211149052f;
  q = q * t + 0.239631131f;
  q = q * t + 0.279728651f;
  q = q * t + 0.279242516f;
  const V e = exp(-0.5f * x * x);
  const V tail = 0.5f * e * t * q;
  return {e, x > V{} ? 1.0f - tail : tail};
}

void forward(ConstView x, View y) {
  map(x, y, [](V v) {
    const V from = from_below(v);
    return from * normal(from).p;
  });
}

void backward(ConstView dy, ConstView x, View dx) {
  map(dy, x, dx, [](V g, V v) {
    const V from = clamped(v);
    const Normal n = normal(from);
    return g * (n.p + from * n.e * kInverseSqrt2Pi);
  });
}

// (1 + tanh u) / 2 is the sigmoid of 2u.
V sigmoid_2u(V x) {
  const V u = kSqrt2OverPi * (x + kCubic * x * x * x);
  return 1.0f / (1.0f + exp(-2.0f * u));
}

void forward_tanh(ConstView x, View y) {
  map(x, y, [](V v) {
    const V from = from_below(v);
    return from * sigmoid_2u(from);
  });
}

void backward_tanh(ConstView dy, ConstView x, View dx) {
  map(dy, x, dx, [](V g, V v) {
    const V from = clamped(v);
    const V s = sigmoid_2u(from);
    const V slope = 2.0f * kSqrt2OverPi * (1.0f + 3.0f * kCubic * from * from);  // of 2u
    return g * (s + from * s * (1.0f - s) * slope);
  });
}

}  // namespace

extern const GeluKernels gelu_kernels;
const GeluKernels gelu_kernels{forward, backward, forward_tanh, backward_tanh};

}  // namespace pycnn::cpu::PYCNN_ISA
