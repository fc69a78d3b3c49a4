#include "ops/cuda/conv2d_window.cuh"

namespace pycnn::cuda {
namespace {

// y = windows of x times kernel, a product for each group.
struct Forward {
  static constexpr bool kColumnSums = false;
  WindowsAlong windows;
  MatrixAcross kernel;
  Activations y;
  unsigned group_inputs, group_outputs;

  __device__ Factors<WindowsAlong, MatrixAcross> factors(unsigned group) const {
    Factors<WindowsAlong, MatrixAcross> f{windows, kernel, windows.terms};
    f.left.data += group * group_inputs;
    f.right.data += group * group_outputs;
    return f;
  }
  __device__ Activations result(unsigned group) const {
    Activations of_group = y;
    of_group.data += group * group_outputs;
    if (y.bias != nullptr) of_group.bias += group * group_outputs;
    return of_group;
  }
};

}  // namespace

void conv2d_forward(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                    bool relu, View y, float* scratch, Precision precision, Stream stream) {
  const Conv2dSizes s(g, x.batch);
  const bool quads = s.group_outputs % 4 == 0;
  const MatrixAcross weights{kernel, s.outputs, s.group_outputs, s.terms(),
                             quads && in_quads(kernel, s.outputs)};
  const Activations out{y.data,
                        s.outputs,
                        s.places(),
                        s.group_outputs,
                        bias,
                        relu,
                        quads && in_quads(y.data, s.outputs)};
  multiply(Forward{{input_windows(s, x.data)}, weights, out, s.group_inputs, s.group_outputs},
           s.forward(), scratch, precision, stream);
}

}  // namespace pycnn::cuda
