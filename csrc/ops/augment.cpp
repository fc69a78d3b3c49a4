#include "ops/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/format.h"
#include "core/philox.h"
#include "ops/augment_map.h"

namespace pycnn {
namespace {

template <typename T>
std::string by(T height, T width) {
  return std::to_string(height) + "x" + std::to_string(width);
}

std::string by(Size2 size) { return by(size.height, size.width); }

double radians(double degrees) { return degrees * (std::numbers::pi / 180.0); }

void check_ranges(const AugmentOptions& o, const std::string& who) {
  if (std::min({o.shift.height, o.shift.width, o.padding.height, o.padding.width}) < 0) {
    throw ValueError(who + " shift and padding must not be negative; got " + by(o.shift) + " and " +
                     by(o.padding));
  }
  if (!(o.rotation >= 0.0 && o.rotation <= 180.0)) {
    throw ValueError(who + " rotation must be from 0 to 180 degrees; got " + format(o.rotation));
  }
  if (!(o.scale_low > 0.0 && o.scale_low <= o.scale_high && std::isfinite(o.scale_high))) {
    throw ValueError(who + " scale must be two finite numbers above 0, the lower first; got " +
                     format(o.scale_low) + " and " + format(o.scale_high));
  }
  if (!(o.brightness >= 0.0f && std::isfinite(o.brightness))) {
    throw ValueError(who + " brightness must be finite and not negative; got " +
                     format(o.brightness));
  }
  if (!std::isfinite(o.fill)) {
    throw ValueError(who + " fill must be finite; got " + format(o.fill));
  }
}

void check_crop(const Shape& input, const AugmentOptions& o, const std::string& who) {
  if (!o.crop) {
    if (o.padding.height == 0 && o.padding.width == 0) return;
    throw ValueError(who + " padding " + by(o.padding) +
                     " is for what crop is cut from; without crop use shift");
  }
  const std::int64_t height = input[0] + 2 * std::int64_t{o.padding.height};
  const std::int64_t width = input[1] + 2 * std::int64_t{o.padding.width};
  if (std::min(o.crop->height, o.crop->width) < 1 || o.crop->height > height ||
      o.crop->width > width) {
    throw ValueError(who + " crop must be from 1x1 to the padded picture's " + by(height, width) +
                     "; got " + by(*o.crop) + "; received input shape " + to_string_batched(input));
  }
}

// The most of v cos(t) + h sin(t) for t from 0 to `angle`, which is at most a right angle.
double most(double v, double h, double angle) {
  if (v > 0.0 && h > 0.0 && std::atan2(h, v) < angle) return std::hypot(v, h);
  return std::max(v, v * std::cos(angle) + h * std::sin(angle));
}

// Whether window and picture meet in every draw: two rectangles do unless a line along a side of
// one of them separates them. A window ends with the middles of its outer pixels; the picture
// shows, blended with `fill`, half a pixel beyond its border.
bool always_meet(const AugmentGeometry& g) {
  const AugmentOptions& o = g.options;
  // How far the picture's centre may lie outside of the window; below 0: always within.
  const auto outside = [](int picture, int padding, int window, int shift) {
    return (picture + 2.0 * padding - window) / 2 + shift - (window - 1.0) / 2;
  };
  const double v = outside(g.in_height, o.padding.height, g.out_height, o.shift.height);
  const double h = outside(g.in_width, o.padding.width, g.out_width, o.shift.width);
  const double rows = o.scale_low * (g.in_height + 1.0) / 2;
  const double columns = o.scale_low * (g.in_width + 1.0) / 2;
  const double angle = radians(std::min(o.rotation, 90.0));
  return most(v, h, angle) < rows && most(h, v, angle) < columns &&
         v < -most(-rows, -columns, angle) && h < -most(-columns, -rows, angle);
}

void check_something_is_left(const AugmentGeometry& g, const std::string& who) {
  const AugmentOptions& o = g.options;
  const std::string picture = by(g.in_height, g.in_width);
  if (o.scale_low * (std::min(g.in_height, g.in_width) + 1.0) <= 1.0) {
    throw ValueError(who + " scale " + format(o.scale_low) + " makes the picture of " + picture +
                     " smaller than a pixel: it could vanish");
  }
  if (!always_meet(g)) {
    throw ValueError(who + " can leave nothing of the picture: its " + picture +
                     " pixels can lie outside of the window of " + by(g.out_height, g.out_width) +
                     " with padding " + by(o.padding) + ", shift " + by(o.shift) + ", rotation " +
                     format(o.rotation) + " and scale " + format(o.scale_low));
  }
}

// Positions must stay within 30 bits before the point.
void check_reach(const AugmentGeometry& g, const std::string& who) {
  const AugmentOptions& o = g.options;
  const double pixels = 2.0 * g.in_height + 2.0 * g.in_width + g.out_height + g.out_width +
                        2.0 * o.padding.height + 2.0 * o.padding.width + o.shift.height +
                        o.shift.width;
  if (pixels / std::min(o.scale_low, 1.0) >= 0x1p30) {
    throw ValueError(who + " a picture of " + by(g.in_height, g.in_width) + " with scale " +
                     format(o.scale_low) + " is larger than is supported");
  }
}

}  // namespace

AugmentGeometry augment_geometry(const Shape& input, const AugmentOptions& options,
                                 const std::string& who) {
  if (input.size() != 3) {
    throw ValueError(who +
                     " expected input of rank 4 (batch, height, width, channels); received input "
                     "shape " +
                     to_string_batched(input));
  }
  check_ranges(options, who);
  check_crop(input, options, who);
  const auto size = [](std::int64_t n) { return static_cast<int>(n); };
  const Size2 out = options.crop.value_or(Size2{size(input[0]), size(input[1])});
  const AugmentGeometry g{
      options,
      size(input[0]),
      size(input[1]),
      size(input[2]),
      out.height,
      out.width,
      options.rotation == 0.0 && options.scale_low == 1.0 && options.scale_high == 1.0};
  check_something_is_left(g, who);
  check_reach(g, who);
  return g;
}

Shape augment_output_shape(const AugmentGeometry& g) {
  return {g.out_height, g.out_width, g.channels};
}

bool augment_is_identity(const AugmentGeometry& g, bool training) {
  const AugmentOptions& o = g.options;
  const bool same_size = g.out_height == g.in_height && g.out_width == g.in_width;
  if (!training) return same_size;
  return same_size && g.whole_pixels && !o.horizontal_flip && o.brightness == 0.0f &&
         std::max({o.shift.height, o.shift.width, o.padding.height, o.padding.width}) == 0;
}

AugmentRanges augment_ranges(const AugmentGeometry& g) {
  const AugmentOptions& o = g.options;
  return {g.in_height,   g.in_width,       g.out_height,    g.out_width,       o.shift.height,
          o.shift.width, o.padding.height, o.padding.width, o.horizontal_flip, radians(o.rotation),
          o.scale_low,   o.scale_high,     o.brightness};
}

std::uint64_t augment_stream(int layer, std::uint64_t step) {
  return kAugmentStreams + (static_cast<std::uint64_t>(layer) << 40) + step;
}

AugmentMap random_augment_map(const AugmentGeometry& g, std::uint64_t seed, std::uint64_t stream,
                              std::int64_t image) {
  const auto index = 2 * static_cast<std::uint64_t>(image);
  const PhiloxBlock first = philox(seed, stream, index), second = philox(seed, stream, index + 1);
  return drawn_augment_map(augment_ranges(g), {first[0], first[1], first[2], first[3], second[0],
                                               second[1], second[2], second[3]});
}

AugmentMap central_augment_map(const AugmentGeometry& g) {
  const auto middle = [](int picture, int padding, int window) {
    return (picture + 2 * std::int64_t{padding} - window) / 2 - padding;
  };
  AugmentDraw d;
  d.row = static_cast<double>(middle(g.in_height, g.options.padding.height, g.out_height));
  d.column = static_cast<double>(middle(g.in_width, g.options.padding.width, g.out_width));
  return to_augment_map(augment_ranges(g), d);
}

}  // namespace pycnn
