#include <algorithm>

#include "ops/cuda/conv2d_window.cuh"

// Every pass is a product (gemm.cuh) of which one factor is the windows of x or dz, read where they
// are. The passes are in files of their own.
namespace pycnn::cuda {

Conv2dSizes::Conv2dSizes(const Conv2dGeometry& g, int images) {
  const auto u = [](int n) { return static_cast<unsigned>(n); };
  batch = u(images);
  in_height = u(g.in_height), in_width = u(g.in_width);
  out_height = u(g.out_height), out_width = u(g.out_width);
  kernel_height = u(g.kernel_height), kernel_width = u(g.kernel_width);
  stride_height = u(g.stride_height), stride_width = u(g.stride_width);
  pad_top = u(g.pad_top), pad_left = u(g.pad_left);
  dilation_height = u(g.dilation_height), dilation_width = u(g.dilation_width);
  groups = u(g.groups), inputs = u(g.in_channels), outputs = u(g.out_channels);
  group_inputs = inputs / groups, group_outputs = outputs / groups;
}

unsigned Conv2dSizes::phases() const {
  return std::min(stride_height, in_height) * std::min(stride_width, in_width);
}

unsigned Conv2dSizes::phase_places() const {
  const auto most = [](unsigned in, unsigned stride) { return (in - 1) / stride + 1; };
  return batch * most(in_height, stride_height) * most(in_width, stride_width);
}

unsigned Conv2dSizes::phase_terms() const {
  const auto most = [](unsigned kernel, unsigned stride) { return (kernel - 1) / stride + 1; };
  return most(kernel_height, stride_height) * most(kernel_width, stride_width) * group_outputs;
}

Windows input_windows(const Conv2dSizes& s, const float* x) {
  return {x,
          s.places(),
          s.terms(),
          1u << 31,
          s.inputs,
          Divider(s.group_inputs),
          {s.in_height, s.stride_height, 0u - s.pad_top, s.dilation_height, Divider(s.out_height)},
          {s.in_width, s.stride_width, 0u - s.pad_left, s.dilation_width, Divider(s.out_width)},
          Divider(s.kernel_width),
          in_quads(x, s.inputs) && s.group_inputs % 4 == 0};
}

std::int64_t conv2d_scratch(const Conv2dGeometry& g, int batch) {
  const Conv2dSizes s(g, batch);
  return std::max({product_scratch(s.forward()), product_scratch(s.backward_input()),
                   product_scratch(s.backward_params())});
}

}  // namespace pycnn::cuda
