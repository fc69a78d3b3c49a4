#pragma once
// From the random words of a picture to its map, in one arithmetic for all devices.

#include <math.h>  // the names that the host and CUDA have in common

#include "core/portable.h"
#include "ops/augment.h"

namespace pycnn {

// The words of a picture, in the order of ops/augment.h.
struct AugmentWords {
  std::uint32_t mirror, angle, scale, down, right, row, column, brightness;
};

// One draw, before it becomes a map.
struct AugmentDraw {
  bool mirrored = false;
  double angle = 0.0, scale = 1.0;  // radians
  double row = 0.0, column = 0.0;   // where the result's first pixel lies in the moved picture
  float brightness = 0.0f;
};

PYCNN_HOST_DEVICE inline std::int64_t fixed_point(double position) {
  return llround(position * 4294967296.0);
}

PYCNN_HOST_DEVICE inline AugmentMap to_augment_map(const AugmentRanges& g, const AugmentDraw& d) {
  const double middle_row = (g.in_height - 1) / 2.0, middle_column = (g.in_width - 1) / 2.0;
  const double cosine = cos(d.angle) / d.scale, sine = sin(d.angle) / d.scale;
  const double side = d.mirrored ? -1.0 : 1.0;
  const double row = d.row - middle_row, column = d.column - middle_column;
  return {fixed_point(middle_row + cosine * row - sine * column),
          fixed_point(middle_column + side * (sine * row + cosine * column)),
          fixed_point(cosine),
          fixed_point(side * sine),
          fixed_point(-sine),
          fixed_point(side * cosine),
          d.brightness};
}

// Uniform between two numbers.
PYCNN_HOST_DEVICE inline double augment_between(double low, double high, std::uint32_t word) {
  return low + (high - low) * (word / 4294967296.0);
}

// Uniform in 0..last; as good as, since 2^32 is far above any number of pixels that one moves by.
PYCNN_HOST_DEVICE inline std::int64_t augment_whole(std::int64_t last, std::uint32_t word) {
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(last + 1) * word) >> 32);
}

// Where a window begins in a picture that is moved: along one side.
PYCNN_HOST_DEVICE inline double augment_begin(int picture, int padding, int out, int shift,
                                              std::uint32_t window_word, std::uint32_t shift_word) {
  const std::int64_t window =
      augment_whole(picture + 2 * std::int64_t{padding} - out, window_word) - padding;
  const std::int64_t moved = augment_whole(2 * std::int64_t{shift}, shift_word) - shift;
  return static_cast<double>(window - moved);
}

PYCNN_HOST_DEVICE inline AugmentMap drawn_augment_map(const AugmentRanges& g,
                                                      const AugmentWords& words) {
  AugmentDraw d;
  d.mirrored = g.horizontal_flip && (words.mirror >> 31) != 0;
  d.angle = augment_between(-g.rotation, g.rotation, words.angle);
  d.scale = augment_between(g.scale_low, g.scale_high, words.scale);
  d.row = augment_begin(g.in_height, g.padding_height, g.out_height, g.shift_height, words.row,
                        words.down);
  d.column = augment_begin(g.in_width, g.padding_width, g.out_width, g.shift_width, words.column,
                           words.right);
  d.brightness = static_cast<float>(
      augment_between(-double(g.brightness), double(g.brightness), words.brightness));
  return to_augment_map(g, d);
}

}  // namespace pycnn
