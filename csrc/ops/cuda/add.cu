#include "ops/add.h"
#include "ops/cuda/elementwise.cuh"

namespace pycnn::cuda {
namespace {

struct Forward {
  __device__ float operator()(float a, float b) const { return a + b; }
};

}  // namespace

void add_forward(ConstView a, ConstView b, View y, Stream stream) {
  map(a, b, y, Forward{}, stream);
}

}  // namespace pycnn::cuda
