#pragma once
// Zero padding of windows (convolution, pooling) and the size rule that goes with it.

#include <string>
#include <string_view>

#include "core/shape.h"

namespace pycnn {

struct Padding {
  enum class Mode { valid, same, explicit_ };
  Mode mode = Mode::valid;
  // Zeros on each side; only read when mode is explicit_.
  int top = 0, bottom = 0, left = 0, right = 0;

  // "valid" or "same"; ValueError for another name.
  static Padding parse(std::string_view name, const std::string& who);
};

struct Size2 {
  int height = 1, width = 1;
};

// A window that slides over height and width, padding resolved: what kernels need to know.
struct WindowGeometry {
  int in_height, in_width, out_height, out_width;
  int kernel_height, kernel_width, stride_height, stride_width;
  int pad_top, pad_left;
};

// Output size (N - F + 2P) / S + 1, rounded down; 'same' gives ceil(N / S), with the odd zero at
// the bottom and right. `input` is (height, width, channels). `what` ("kernel", "window") and
// `who` ("[Conv2D 'c1']") go into the messages. Throws ValueError.
WindowGeometry window_geometry(const Shape& input, Size2 kernel, Size2 strides,
                               const Padding& padding, const std::string& what,
                               const std::string& who);

}  // namespace pycnn
