#include "ops/cuda/elementwise.cuh"
#include "ops/gelu.h"

namespace pycnn::cuda {
namespace {

constexpr float kInverseSqrt2Pi = 0.398942280f;
constexpr float kSqrt2OverPi = 0.797884561f;
constexpr float kCubic = 0.044715f;

// Beyond 15 both tails are below the smallest float; clamped, infinity times 0 does not arise.
// NaN stays.
constexpr float kFar = 15.0f;
__device__ float from_below(float x) { return x < -kFar ? -kFar : x; }
__device__ float clamped(float x) { return x > kFar ? kFar : from_below(x); }

struct Normal {
  float e;  // exp(-x^2 / 2)
  float p;  // P(x)
};

// The CPU's polynomial (ops/cpu/gelu.cpp says more). erfc(-x / sqrt 2) would magnify the rounding
// of its argument by x^2 in the lower tail.
__device__ Normal normal(float x) {
  const float t = 1.0f / (1.0f + 0.35f * fabsf(x));
  float q = -0.0583276525f;
  q = q * t + 0.288120657f;
  q = q * t - 0.511801839f;
  q = q * t + 0.318783730f;
  q = q * t - 0.0465262942f;
  q = q * t + 0.211149052f;
  q = q * t + 0.239631131f;
  q = q * t + 0.279728651f;
  q = q * t + 0.279242516f;
  const float e = expf(-0.5f * x * x);
  const float tail = 0.5f * e * t * q;
  return {e, x > 0.0f ? 1.0f - tail : tail};
}

// (1 + tanh u) / 2 is the sigmoid of 2u.
__device__ float sigmoid_2u(float x) {
  const float u = kSqrt2OverPi * (x + kCubic * x * x * x);
  return 1.0f / (1.0f + expf(-2.0f * u));
}

struct Forward {
  __device__ float operator()(float x) const {
    const float from = from_below(x);
    return from * normal(from).p;
  }
};

struct Backward {
  __device__ float operator()(float dy, float x) const {
    const float from = clamped(x);
    const Normal n = normal(from);
    return dy * (n.p + from * n.e * kInverseSqrt2Pi);
  }
};

struct ForwardTanh {
  __device__ float operator()(float x) const {
    const float from = from_below(x);
    return from * sigmoid_2u(from);
  }
};

struct BackwardTanh {
  __device__ float operator()(float dy, float x) const {
    const float from = clamped(x);
    const float s = sigmoid_2u(from);
    const float slope = 2.0f * kSqrt2OverPi * (1.0f + 3.0f * kCubic * from * from);  // of 2u
    return dy * (s + from * s * (1.0f - s) * slope);
  }
};

}  // namespace

void gelu_forward(ConstView x, View y, Stream stream) { map(x, y, Forward{}, stream); }

void gelu_backward(ConstView dy, ConstView x, View dx, Stream stream) {
  map(dy, x, dx, Backward{}, stream);
}

void gelu_forward_tanh(ConstView x, View y, Stream stream) { map(x, y, ForwardTanh{}, stream); }

void gelu_backward_tanh(ConstView dy, ConstView x, View dx, Stream stream) {
  map(dy, x, dx, BackwardTanh{}, stream);
}

}  // namespace pycnn::cuda
