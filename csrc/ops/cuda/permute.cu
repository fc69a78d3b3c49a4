#include "ops/cuda/nhwc.cuh"
#include "ops/permute.h"

namespace pycnn::cuda {
namespace {

// For each axis of y its size, and how far in x its index leads.
struct Steps {
  int axes;
  Divider size[kPermuteRank];
  std::uint32_t step[kPermuteRank];
  std::uint32_t image;  // elements of one
};

// Writes are contiguous. Reads are not when the last axis moves, and then come by way of the cache,
// which serves the neighbours.
__global__ void forward_kernel(std::int64_t size, Steps steps, const float* x, float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  unsigned rest = static_cast<unsigned>(i), from = 0;
  for (int axis = steps.axes - 1; axis >= 0; --axis) {
    from += steps.size[axis].split(rest) * steps.step[axis];
  }
  y[i] = x[rest * steps.image + from];
}

Steps steps_of(const PermuteGeometry& g) {
  Steps steps{};
  int axis_of_y[kPermuteRank];
  for (int i = 0; i < g.rank; ++i) axis_of_y[g.from[i]] = i;
  std::uint32_t step = 1;
  for (int axis = g.rank - 1; axis >= 0; --axis) {  // of x
    steps.step[axis_of_y[axis]] = step;
    step *= static_cast<std::uint32_t>(g.size[axis_of_y[axis]]);
  }
  for (int i = 0; i < g.rank; ++i) steps.size[i] = Divider(static_cast<unsigned>(g.size[i]));
  steps.axes = g.rank;
  steps.image = step;
  return steps;
}

}  // namespace

void permute_forward(const PermuteGeometry& g, ConstView x, View y, Stream stream) {
  run_each(x.size(), forward_kernel, stream, x.size(), steps_of(g), x.data, y.data);
}

}  // namespace pycnn::cuda
