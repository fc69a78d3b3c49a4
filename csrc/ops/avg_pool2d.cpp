#include "ops/avg_pool2d.h"

namespace pycnn {

WindowGeometry avg_pool2d_geometry(const Shape& input, const AvgPool2dOptions& options,
                                   const std::string& who) {
  return window_geometry(input, options.pool_size, options.strides, options.padding, "window", who);
}

Shape avg_pool2d_output_shape(const Shape& input, const WindowGeometry& g) {
  return {g.out_height, g.out_width, input[2]};
}

}  // namespace pycnn
