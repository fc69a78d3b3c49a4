#include "ops/cuda/conv2d_window.cuh"

namespace pycnn::cuda {
namespace {

// dw = windows of x, transposed, times dz, and the sums of dz; a product for each group.
struct BackwardParams {
  static constexpr bool kColumnSums = true;
  WindowsAcross windows;
  MatrixAcross dz;
  Gradients gradients;
  unsigned group_inputs, group_outputs;

  __device__ Factors<WindowsAcross, MatrixAcross> factors(unsigned group) const {
    Factors<WindowsAcross, MatrixAcross> f{windows, dz, windows.rows};
    f.left.data += group * group_inputs;
    f.right.data += group * group_outputs;
    return f;
  }
  __device__ Gradients result(unsigned group) const {
    Gradients of_group = gradients;
    of_group.kernel += group * group_outputs;
    if (gradients.bias != nullptr) of_group.bias += group * group_outputs;
    return of_group;
  }
};

}  // namespace

void conv2d_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                            float* dkernel, float* dbias, float* scratch, Precision precision,
                            Stream stream) {
  const Conv2dSizes s(g, x.batch);
  const bool quads = s.group_outputs % 4 == 0;
  const MatrixAcross gradient{dz.data, s.outputs, s.group_outputs, s.places(),
                              quads && in_quads(dz.data, s.outputs)};
  const Gradients out{dkernel,
                      dbias,
                      s.outputs,
                      s.terms(),
                      s.group_outputs,
                      accumulate,
                      quads && in_quads(dkernel, s.outputs)};
  multiply(
      BackwardParams{{input_windows(s, x.data)}, gradient, out, s.group_inputs, s.group_outputs},
      s.backward_params(), scratch, precision, stream);
}

}  // namespace pycnn::cuda
