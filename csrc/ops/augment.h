#pragma once
// Augmentation: each picture is moved, turned, scaled, mirrored and brightened at random.
//
// All moves of a picture are one affine map. With the centre m of the picture, the pixel at
// p = (row, column) of the result shows the picture at
//   m + F R (p + window - padding - shift - m) / scale,
// where R turns by the angle and F changes the sign of the column when the picture is mirrored.
// Between pixels the four around are blended (bilinear); what lies outside the picture is `fill`.
// Then y = what is shown + brightness. Backward is the transpose: each pixel's gradient goes to the
// pixels that it shows, with the same weights.
//
// Image i of the batch goes by the eight words of philox(seed, stream, 2 i) and (.., 2 i + 1), in
// this order: mirror, angle, scale, shift down, shift right, the window's row and column,
// brightness. They are the same for any number of threads and on any device. Positions are in fixed
// point, 32 bits behind the point: steps from pixel to pixel add without error, so that whole moves
// are exact copies and every instruction set blends the same pixels.

#include <cstdint>
#include <optional>
#include <string>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/step.h"
#include "ops/cuda/view.h"
#include "ops/padding.h"
#include "ops/rescale.h"

namespace pycnn {

struct AugmentOptions {
  Size2 shift{0, 0};               // at most so many pixels either way
  Size2 padding{0, 0};             // `fill` on each side of the picture that `crop` is cut from
  std::optional<Size2> crop = {};  // size of a random window
  bool horizontal_flip = false;
  double rotation = 0.0;  // at most so many degrees either way
  double scale_low = 1.0, scale_high = 1.0;
  float brightness = 0.0f;  // at most so much more or less
  float fill = 0.0f;
};

struct AugmentGeometry {
  AugmentOptions options;
  int in_height, in_width, channels, out_height, out_width;
  bool whole_pixels;  // neither turned nor scaled: every pixel is a copy
};

// `input` is (height, width, channels). Throws ValueError for options out of their range, and for
// those that could leave nothing of the picture.
AugmentGeometry augment_geometry(const Shape& input, const AugmentOptions& options,
                                 const std::string& who);
Shape augment_output_shape(const AugmentGeometry& g);
// Whether the output is the input; outside training that is so unless something is cut off.
bool augment_is_identity(const AugmentGeometry& g, bool training);
// The random stream of node `layer` at a step.
std::uint64_t augment_stream(int layer, std::uint64_t step);

// What maps are drawn from.
struct AugmentRanges {
  int in_height, in_width, out_height, out_width;
  int shift_height, shift_width, padding_height, padding_width;
  bool horizontal_flip;
  double rotation;  // radians
  double scale_low, scale_high;
  float brightness;
};
AugmentRanges augment_ranges(const AugmentGeometry& g);

// Where the pixels of one result come from, as positions in the picture times 2^32.
struct AugmentMap {
  std::int64_t row, column;              // of the result's first pixel
  std::int64_t row_down, column_down;    // one row on in the result
  std::int64_t row_right, column_right;  // one column on
  float brightness;
};

AugmentMap random_augment_map(const AugmentGeometry& g, std::uint64_t seed, std::uint64_t stream,
                              std::int64_t image);
// The window in the middle, nothing else changed: what prediction and evaluation see.
AugmentMap central_augment_map(const AugmentGeometry& g);

namespace cpu {

struct AugmentKernels {
  // Images as in GatherKernels: y = after(augmented(before(image))). maps[l] is that of lane l;
  // lanes from `count` on become 0.
  void (*from_float)(const AugmentGeometry& g, const AugmentMap* maps, const float* const* images,
                     int count, RescaleOptions before, RescaleOptions after, View y);
  void (*from_uint8)(const AugmentGeometry& g, const AugmentMap* maps,
                     const std::uint8_t* const* images, int count, RescaleOptions before,
                     RescaleOptions after, View y);
  void (*forward)(const AugmentGeometry& g, const AugmentMap* maps, int count, ConstView x, View y);
  void (*backward)(const AugmentGeometry& g, const AugmentMap* maps, int count, ConstView dy,
                   View dx);
};

}  // namespace cpu

namespace cuda {

// Where the maps of a batch come from: drawn for the step, or the window in the middle.
struct AugmentSource {
  int node;
  bool training;
  const Step* step;
};

// As in cpu::AugmentKernels, the images being rows that the step picks.
void augment_gather(const AugmentGeometry& g, const AugmentSource& source, const Rows& images,
                    RescaleOptions before, RescaleOptions after, View y, Stream stream);
void augment_forward(const AugmentGeometry& g, const AugmentSource& source, ConstView x, View y,
                     Stream stream);
void augment_backward(const AugmentGeometry& g, const AugmentSource& source, ConstView dy, View dx,
                      Stream stream);

}  // namespace cuda
}  // namespace pycnn
