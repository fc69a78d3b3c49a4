#pragma once
// Dense (fully connected) layer: y = x w + b; backward dx = dy w^T, dw = x^T dy, db = sum of dy.

#include <string>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cpu/channels.h"
#include "ops/cuda/precision.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct DenseOptions {
  int units = 1;
  bool use_bias = true;
};

struct DenseGeometry {
  int inputs, outputs;
};

// Checks everything; throws ValueError.
DenseGeometry dense_geometry(const Shape& input, const DenseOptions& options,
                             const std::string& who);

namespace cpu {

// Operands are flat: x is [inputs][16], y and dz are [outputs][16].
struct DenseKernels {
  // y = x w + b, then ReLU if wanted. `bias` may be null.
  void (*forward)(DenseGeometry g, const float* x, const float* kernel, const float* bias,
                  bool relu, float* y);
  void (*backward_input)(DenseGeometry g, const float* dz, const float* kernel, float* dx);
};

// The same with channels in the lanes, on a whole batch, by all threads of a team. Operands are
// flat: the numbers of image n begin at data + n * image, one after another. Kernels may read up to
// 15 floats behind the weights and biases. `scratch` has forward_scratch floats, and holds nothing
// between calls. backward_params serves both layouts: with the images in the lanes blocks keep
// their rows for it.
struct DenseChannelKernels {
  void (*forward)(Team& team, DenseGeometry g, ConstChannelView x, const float* kernel,
                  const float* bias, bool relu, float* scratch, ChannelView y);
  std::int64_t (*forward_scratch)(DenseGeometry g, int images);
  void (*backward_input)(Team& team, DenseGeometry g, ConstChannelView dz, const float* kernel,
                         ChannelView dx);
  void (*backward_params)(Team& team, DenseGeometry g, ConstChannelView x, ConstChannelView dz,
                          bool accumulate, float* dkernel, float* dbias);
};

}  // namespace cpu

namespace cuda {

// Operands are flat: a row of g.inputs or g.outputs floats for each of `batch` images. `scratch`
// has dense_scratch floats.
void dense_forward(DenseGeometry g, int batch, const float* x, const float* kernel,
                   const float* bias, bool relu, float* y, float* scratch, Precision precision,
                   Stream stream);
void dense_backward_input(DenseGeometry g, int batch, const float* dz, const float* kernel,
                          float* dx, float* scratch, Precision precision, Stream stream);
void dense_backward_params(DenseGeometry g, int batch, const float* x, const float* dz,
                           bool accumulate, float* dkernel, float* dbias, float* scratch,
                           Precision precision, Stream stream);
// Enough for each of the three.
std::int64_t dense_scratch(DenseGeometry g, int batch);

}  // namespace cuda
}  // namespace pycnn
