#include "ops/cuda/elementwise.cuh"
#include "ops/rescale.h"

namespace pycnn::cuda {
namespace {

struct Forward {
  float scale, offset;
  __device__ float operator()(float x) const { return x * scale + offset; }
};

}  // namespace

void rescale_forward(float scale, float offset, ConstView x, View y, Stream stream) {
  map(x, y, Forward{scale, offset}, stream);
}

}  // namespace pycnn::cuda
