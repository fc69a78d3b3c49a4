#include "ops/cuda/elementwise.cuh"
#include "ops/relu.h"

namespace pycnn::cuda {
namespace {

struct Forward {
  __device__ float operator()(float x) const { return x > 0.0f || x != x ? x : 0.0f; }
};

struct Backward {
  __device__ float operator()(float dy, float y) const { return y > 0.0f ? dy : 0.0f; }
};

}  // namespace

void relu_forward(ConstView x, View y, Stream stream) { map(x, y, Forward{}, stream); }

void relu_backward(ConstView dy, ConstView y, View dx, Stream stream) {
  map(dy, y, dx, Backward{}, stream);
}

}  // namespace pycnn::cuda
