#include "ops/cuda/elementwise.cuh"
#include "ops/elu.h"

namespace pycnn::cuda {
namespace {

struct Forward {
  float alpha;
  __device__ float operator()(float x) const { return x > 0.0f ? x : alpha * expm1f(x); }
};

struct Backward {
  float alpha;
  __device__ float operator()(float dy, float y) const { return y > 0.0f ? dy : dy * (y + alpha); }
};

}  // namespace

void elu_forward(float alpha, ConstView x, View y, Stream stream) {
  map(x, y, Forward{alpha}, stream);
}

void elu_backward(float alpha, ConstView dy, ConstView y, View dx, Stream stream) {
  map(dy, y, dx, Backward{alpha}, stream);
}

}  // namespace pycnn::cuda
