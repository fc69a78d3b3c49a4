#include "ops/padding.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace pycnn {
namespace {

// One axis of the window; sizes are checked before they are narrowed to int.
struct Axis {
  int out, pad_before;
};

Axis resolve_axis(std::int64_t n, std::int64_t kernel, std::int64_t stride, Padding::Mode mode,
                  std::int64_t before, std::int64_t after) {
  if (mode == Padding::Mode::same) {
    const std::int64_t out = (n + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + kernel - n, 0);
    return {static_cast<int>(out), static_cast<int>(total / 2)};
  }
  if (mode == Padding::Mode::valid) before = after = 0;
  const std::int64_t room = n + before + after - kernel;
  if (room < 0) return {0, 0};
  return {static_cast<int>(room / stride + 1), static_cast<int>(before)};
}

std::string by(std::int64_t a, std::int64_t b) {
  return std::to_string(a) + "x" + std::to_string(b);
}

std::string describe(const Padding& p) {
  switch (p.mode) {
    case Padding::Mode::valid:
      return "'valid'";
    case Padding::Mode::same:
      return "'same'";
    case Padding::Mode::explicit_:
      break;
  }
  return "((" + std::to_string(p.top) + ", " + std::to_string(p.bottom) + "), (" +
         std::to_string(p.left) + ", " + std::to_string(p.right) + "))";
}

}  // namespace

Padding Padding::parse(std::string_view name, const std::string& who) {
  if (name == "valid") return {};
  if (name == "same") return {Mode::same};
  throw ValueError(who +
                   " padding must be 'valid', 'same' or ((top, bottom), (left, right)); got '" +
                   std::string(name) + "'");
}

WindowGeometry window_geometry(const Shape& input, Size2 kernel, Size2 strides,
                               const Padding& padding, const std::string& what,
                               const std::string& who) {
  const std::string received = "; received input shape " + to_string_batched(input);
  if (input.size() != 3) {
    throw ValueError(who + " expected input of rank 4 (batch, height, width, channels)" + received);
  }
  if (kernel.height < 1 || kernel.width < 1) {
    throw ValueError(who + " " + what + " size must be positive; got " +
                     by(kernel.height, kernel.width));
  }
  if (strides.height < 1 || strides.width < 1) {
    throw ValueError(who + " strides must be positive; got " + by(strides.height, strides.width));
  }
  if (padding.mode == Padding::Mode::explicit_ &&
      std::min({padding.top, padding.bottom, padding.left, padding.right}) < 0) {
    throw ValueError(who + " padding must not be negative; got " + describe(padding));
  }
  if (what == "window" && padding.mode == Padding::Mode::explicit_ &&
      (std::max(padding.top, padding.bottom) >= kernel.height ||
       std::max(padding.left, padding.right) >= kernel.width)) {
    throw ValueError(who + " padding " + describe(padding) + " must be smaller than the window " +
                     by(kernel.height, kernel.width));
  }
  const std::int64_t largest = std::max(
      {input[0] + padding.top + padding.bottom, input[1] + padding.left + padding.right, input[2]});
  if (largest + std::max(kernel.height, kernel.width) > std::numeric_limits<int>::max()) {
    throw ValueError(who + " sizes beyond 2^31 are not supported" + received);
  }
  const Axis h = resolve_axis(input[0], kernel.height, strides.height, padding.mode, padding.top,
                              padding.bottom);
  const Axis w = resolve_axis(input[1], kernel.width, strides.width, padding.mode, padding.left,
                              padding.right);
  if (h.out < 1 || w.out < 1) {
    throw ValueError(who + " " + what + " " + by(kernel.height, kernel.width) +
                     " does not fit input " + by(input[0], input[1]) + " with padding " +
                     describe(padding) + received);
  }
  return {static_cast<int>(input[0]),
          static_cast<int>(input[1]),
          h.out,
          w.out,
          kernel.height,
          kernel.width,
          strides.height,
          strides.width,
          h.pad_before,
          w.pad_before};
}

}  // namespace pycnn
