#include "ops/depthwise_conv2d.h"

#include <limits>

#include "core/error.h"

namespace pycnn {

Conv2dGeometry depthwise_conv2d_geometry(const Shape& input, const DepthwiseConv2dOptions& options,
                                         const std::string& who) {
  if (options.depth_multiplier < 1) {
    throw ValueError(who + " depth_multiplier must be positive; got " +
                     std::to_string(options.depth_multiplier));
  }
  const WindowGeometry window = dilated_window(input, options.kernel_size, options.strides,
                                               options.dilation, options.padding, who);
  const std::int64_t outputs = checked_mul(input[2], options.depth_multiplier);
  if (outputs > std::numeric_limits<int>::max()) {
    throw ValueError(who + " sizes beyond 2^31 are not supported; received input shape " +
                     to_string_batched(input));
  }
  const int channels = static_cast<int>(input[2]);
  return {
      window,  channels, static_cast<int>(outputs), options.dilation.height, options.dilation.width,
      channels};
}

Shape depthwise_conv2d_kernel_shape(const Conv2dGeometry& g) {
  return {g.kernel_height, g.kernel_width, g.in_channels, g.out_channels / g.in_channels};
}

}  // namespace pycnn
