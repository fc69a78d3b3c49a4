#include "ops/conv2d.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace pycnn {
namespace {

std::string by(Size2 s) { return std::to_string(s.height) + "x" + std::to_string(s.width); }

int extent(int kernel, int dilation, const std::string& who) {
  const std::int64_t extent = (std::int64_t{kernel} - 1) * dilation + 1;
  if (extent > std::numeric_limits<int>::max()) {
    throw ValueError(who + " kernel and dilation span more than 2^31 pixels");
  }
  return static_cast<int>(extent);
}

}  // namespace

WindowGeometry dilated_window(const Shape& input, Size2 kernel, Size2 strides, Size2 dilation,
                              const Padding& padding, const std::string& who) {
  if (dilation.height < 1 || dilation.width < 1) {
    throw ValueError(who + " dilation must be positive; got " + by(dilation));
  }
  const bool dense = dilation.height == 1 && dilation.width == 1;
  if (dense || kernel.height < 1 || kernel.width < 1) {
    return window_geometry(input, kernel, strides, padding, "kernel", who);
  }
  if (strides.height > 1 || strides.width > 1) {
    throw ValueError(who +
                     " strides above 1 do not go together with dilation above 1; got strides " +
                     by(strides) + " and dilation " + by(dilation));
  }
  const Size2 span{extent(kernel.height, dilation.height, who),
                   extent(kernel.width, dilation.width, who)};
  WindowGeometry window =
      window_geometry(input, span, strides, padding,
                      "kernel " + by(kernel) + " with dilation " + by(dilation) + ", extent", who);
  window.kernel_height = kernel.height;
  window.kernel_width = kernel.width;
  return window;
}

Conv2dGeometry conv2d_geometry(const Shape& input, const Conv2dOptions& options,
                               const std::string& who) {
  if (options.filters < 1) {
    throw ValueError(who + " filters must be positive; got " + std::to_string(options.filters));
  }
  const WindowGeometry window = dilated_window(input, options.kernel_size, options.strides,
                                               options.dilation, options.padding, who);
  const int channels = static_cast<int>(input[2]), groups = options.groups;
  if (groups < 1) {
    throw ValueError(who + " groups must be positive; got " + std::to_string(groups));
  }
  if (channels % groups != 0 || options.filters % groups != 0) {
    throw ValueError(who + " groups must divide the input channels and the filters; got " +
                     std::to_string(groups) + " groups for " + std::to_string(channels) +
                     " input channels and " + std::to_string(options.filters) +
                     " filters; received input shape " + to_string_batched(input));
  }
  return {window, channels, options.filters, options.dilation.height, options.dilation.width,
          groups};
}

Shape conv2d_output_shape(const Conv2dGeometry& g) {
  return {g.out_height, g.out_width, g.out_channels};
}

Shape conv2d_kernel_shape(const Conv2dGeometry& g) {
  return {g.kernel_height, g.kernel_width, g.in_channels / g.groups, g.out_channels};
}

Halo conv2d_input_halo(const Conv2dGeometry& g) {
  const auto past_end = [](int out, int stride, int kernel, int pad, int in) {
    return std::max((out - 1) * stride + kernel - pad - in, 0);
  };
  return {
      g.pad_top, past_end(g.out_height, g.stride_height, g.extent_height(), g.pad_top, g.in_height),
      g.pad_left, past_end(g.out_width, g.stride_width, g.extent_width(), g.pad_left, g.in_width)};
}

Halo conv2d_gradient_halo(const Conv2dGeometry& g) {
  // Input column q of phase r (q = r + stride * b) takes the output columns
  // b + shift - u * dilation, where u counts the kernel columns of that phase.
  Halo halo;
  for (int r = 0; r < std::min(g.stride_width, g.in_width); ++r) {
    const int first = (r + g.pad_left) % g.stride_width;
    const int shift = (r + g.pad_left) / g.stride_width;
    if (first >= g.kernel_width) continue;
    const int taps = (g.kernel_width - first - 1) / g.stride_width + 1;
    const int columns = (g.in_width - r - 1) / g.stride_width + 1;
    halo.left = std::max(halo.left, (taps - 1) * g.dilation_width - shift);
    halo.right = std::max(halo.right, columns + shift - g.out_width);
  }
  return halo;
}

}  // namespace pycnn
