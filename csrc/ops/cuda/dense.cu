#include <algorithm>

#include "ops/cuda/gemm.cuh"
#include "ops/dense.h"

namespace pycnn::cuda {
namespace {

// Of factors that are matrices in memory.
template <class Left, class Right, class Result, bool kSums = false>
struct MatrixProduct {
  static constexpr bool kColumnSums = kSums;
  Left left;
  Right right;
  Result out;

  __device__ Factors<Left, Right> factors(unsigned) const { return {left, right, left.terms}; }
  __device__ Result result(unsigned) const { return out; }
};

using Forward = MatrixProduct<MatrixAlong, MatrixAcross, Activations>;
using BackwardInput = MatrixProduct<MatrixAlong, MatrixAlong, Activations>;
using BackwardParams = MatrixProduct<MatrixAcross, MatrixAcross, Gradients, true>;

struct Sizes {
  unsigned batch, inputs, outputs;

  Sizes(DenseGeometry g, int images)
      : batch(static_cast<unsigned>(images)),
        inputs(static_cast<unsigned>(g.inputs)),
        outputs(static_cast<unsigned>(g.outputs)) {}

  ProductSize forward() const { return {batch, outputs, inputs, 1, false}; }
  ProductSize backward_input() const { return {batch, inputs, outputs, 1, false}; }
  ProductSize backward_params() const { return {inputs, outputs, batch, 1, true}; }
};

// A matrix in memory, sums along its rows.
MatrixAlong along(const float* data, unsigned rows, unsigned columns) {
  return {data, columns, rows, columns, in_quads(data, columns)};
}

// Sums along its columns.
MatrixAcross across(const float* data, unsigned rows, unsigned columns) {
  return {data, columns, columns, rows, in_quads(data, columns)};
}

}  // namespace

void dense_forward(DenseGeometry g, int batch, const float* x, const float* kernel,
                   const float* bias, bool relu, float* y, float* scratch, Precision precision,
                   Stream stream) {
  const Sizes s(g, batch);
  const Activations out{y, s.outputs, s.batch, s.outputs, bias, relu, in_quads(y, s.outputs)};
  multiply(Forward{along(x, s.batch, s.inputs), across(kernel, s.inputs, s.outputs), out},
           s.forward(), scratch, precision, stream);
}

void dense_backward_input(DenseGeometry g, int batch, const float* dz, const float* kernel,
                          float* dx, float* scratch, Precision precision, Stream stream) {
  const Sizes s(g, batch);
  const Activations out{dx, s.inputs, s.batch, s.inputs, nullptr, false, in_quads(dx, s.inputs)};
  multiply(BackwardInput{along(dz, s.batch, s.outputs), along(kernel, s.inputs, s.outputs), out},
           s.backward_input(), scratch, precision, stream);
}

void dense_backward_params(DenseGeometry g, int batch, const float* x, const float* dz,
                           bool accumulate, float* dkernel, float* dbias, float* scratch,
                           Precision precision, Stream stream) {
  const Sizes s(g, batch);
  const bool quads = in_quads(dkernel, s.outputs);
  const Gradients out{dkernel, dbias, s.outputs, s.inputs, s.outputs, accumulate, quads};
  multiply(BackwardParams{across(x, s.batch, s.inputs), across(dz, s.batch, s.outputs), out},
           s.backward_params(), scratch, precision, stream);
}

std::int64_t dense_scratch(DenseGeometry g, int batch) {
  const Sizes s(g, batch);
  return std::max({product_scratch(s.forward()), product_scratch(s.backward_input()),
                   product_scratch(s.backward_params())});
}

}  // namespace pycnn::cuda
