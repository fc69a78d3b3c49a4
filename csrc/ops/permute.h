#pragma once
// Permute: the axes in another order; axis i of y is axis dims[i] of x, counted from 1 as in Keras
// (the batch, axis 0, stays). Backward is the same with the inverse order.

#include <string>
#include <vector>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct PermuteOptions {
  std::vector<int> dims;
};

inline constexpr int kPermuteRank = 8;  // the highest, without the batch

// For the kernel: sizes of y, and for each of its axes the axis of x, counted from 0.
struct PermuteGeometry {
  int rank;
  int size[kPermuteRank];
  int from[kPermuteRank];
};

// Throws ValueError unless dims are 1 to rank, each once.
PermuteGeometry permute_geometry(const Shape& input, const PermuteOptions& options,
                                 const std::string& who);
Shape permute_output_shape(const PermuteGeometry& g);
// From y back to x.
PermuteGeometry permute_inverse(const PermuteGeometry& g);

namespace cpu {

struct PermuteKernels {
  void (*forward)(const PermuteGeometry& g, ConstView x, View y);
};

}  // namespace cpu

namespace cuda {

void permute_forward(const PermuteGeometry& g, ConstView x, View y, Stream stream);

}  // namespace cuda
}  // namespace pycnn
