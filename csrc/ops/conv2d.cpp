#include "ops/conv2d.h"

#include <algorithm>

#include "core/error.h"

namespace pycnn {

Conv2dGeometry conv2d_geometry(const Shape& input, const Conv2dOptions& options,
                               const std::string& who) {
  if (options.filters < 1) {
    throw ValueError(who + " filters must be positive; got " + std::to_string(options.filters));
  }
  const WindowGeometry window =
      window_geometry(input, options.kernel_size, options.strides, options.padding, "kernel", who);
  return {window, static_cast<int>(input[2]), options.filters};
}

Shape conv2d_output_shape(const Conv2dGeometry& g) {
  return {g.out_height, g.out_width, g.out_channels};
}

Shape conv2d_kernel_shape(const Conv2dGeometry& g) {
  return {g.kernel_height, g.kernel_width, g.in_channels, g.out_channels};
}

Halo conv2d_input_halo(const Conv2dGeometry& g) {
  const auto past_end = [](int out, int stride, int kernel, int pad, int in) {
    return std::max((out - 1) * stride + kernel - pad - in, 0);
  };
  return {
      g.pad_top, past_end(g.out_height, g.stride_height, g.kernel_height, g.pad_top, g.in_height),
      g.pad_left, past_end(g.out_width, g.stride_width, g.kernel_width, g.pad_left, g.in_width)};
}

Halo conv2d_gradient_halo(const Conv2dGeometry& g) {
  // Input column q of phase r (q = r + stride * b) takes the output columns b + shift - u, where
  // u counts the kernel columns of that phase.
  Halo halo;
  for (int r = 0; r < std::min(g.stride_width, g.in_width); ++r) {
    const int first = (r + g.pad_left) % g.stride_width;
    const int shift = (r + g.pad_left) / g.stride_width;
    if (first >= g.kernel_width) continue;
    const int taps = (g.kernel_width - first - 1) / g.stride_width + 1;
    const int columns = (g.in_width - r - 1) / g.stride_width + 1;
    halo.left = std::max(halo.left, taps - 1 - shift);
    halo.right = std::max(halo.right, columns + shift - g.out_width);
  }
  return halo;
}

}  // namespace pycnn
