#include "ops/cuda/elementwise.cuh"
#include "ops/leaky_relu.h"

namespace pycnn::cuda {
namespace {

struct Forward {
  float slope;
  __device__ float operator()(float x) const { return x > 0.0f ? x : slope * x; }
};

struct Backward {
  float slope;
  __device__ float operator()(float dy, float y) const { return y > 0.0f ? dy : slope * dy; }
};

}  // namespace

void leaky_relu_forward(float slope, ConstView x, View y, Stream stream) {
  map(x, y, Forward{slope}, stream);
}

void leaky_relu_backward(float slope, ConstView dy, ConstView y, View dx, Stream stream) {
  map(dy, y, dx, Backward{slope}, stream);
}

}  // namespace pycnn::cuda
