#include "ops/augment.h"
#include "ops/augment_map.h"
#include "ops/cuda/philox.cuh"

namespace pycnn::cuda {
namespace {

// What every kernel knows: how pictures are mapped, and their shapes.
struct Task {
  AugmentRanges ranges;
  AugmentMap central;  // outside training
  bool training, whole_pixels;
  std::uint64_t first_stream;
  const Step* step;
  float fill;
  int batch, channels;
};

Task task(const AugmentGeometry& g, const AugmentSource& source, int batch) {
  return {augment_ranges(g),
          central_augment_map(g),
          source.training,
          g.whole_pixels,
          augment_stream(source.node, 0),
          source.step,
          g.options.fill,
          batch,
          g.channels};
}

// Each thread draws the map of its picture anew: two philox() and a sine and cosine.
__device__ AugmentMap map_of(const Task& t, int image) {
  if (!t.training) return t.central;
  const std::uint64_t stream = t.first_stream + t.step->number;
  const std::uint64_t index = 2 * static_cast<std::uint64_t>(image);
  const PhiloxWords a = philox(t.step->seed, stream, index);
  const PhiloxWords b = philox(t.step->seed, stream, index + 1);
  return drawn_augment_map(t.ranges, {a.word[0], a.word[1], a.word[2], a.word[3], b.word[0],
                                      b.word[1], b.word[2], b.word[3]});
}

// The four pixels that one pixel of the result shows, and their weights; with whole pixels the
// first has all the weight.
struct Taps {
  std::int64_t row, column;
  float down, right;

  __device__ float weight(int tap) const {
    return (tap < 2 ? 1.0f - down : down) * (tap % 2 == 0 ? 1.0f - right : right);
  }
};

// The 24 upper bits behind the point: as many as a float holds exactly.
__device__ float fraction(std::int64_t position) {
  return static_cast<float>((position >> 8) & 0xffffff) * 0x1p-24f;
}

__device__ Taps find_taps(const Task& t, const AugmentMap& map, int h, int w) {
  const std::int64_t row = map.row + h * map.row_down + w * map.row_right;
  const std::int64_t column = map.column + h * map.column_down + w * map.column_right;
  return {row >> 32, column >> 32, t.whole_pixels ? 0.0f : fraction(row),
          t.whole_pixels ? 0.0f : fraction(column)};
}

// Where tap 0..3 is among the picture's elements, of channel 0; -1 outside of it.
__device__ std::int64_t place(const Task& t, const Taps& taps, int tap) {
  const std::int64_t row = taps.row + tap / 2, column = taps.column + tap % 2;
  const bool inside =
      row >= 0 && row < t.ranges.in_height && column >= 0 && column < t.ranges.in_width;
  return inside ? (row * t.ranges.in_width + column) * t.channels : -1;
}

// What pictures are read from.
template <typename T>
struct Picked {  // rows of the data set
  Rows rows;
  RescaleOptions before;
  std::int64_t row_size;

  __device__ float read(int image, std::int64_t element) const {
    const std::int64_t position = rows.step->first + image;
    const std::int64_t row = rows.step->order != nullptr ? rows.step->order[position] : position;
    const T* from = static_cast<const T*>(*rows.data) + row * row_size;
    return static_cast<float>(from[element]) * before.scale + before.offset;
  }
};

struct Values {
  const float* x;
  std::int64_t row_size;

  __device__ float read(int image, std::int64_t element) const {
    return x[image * row_size + element];
  }
};

// A thread for each element of the result.
template <typename Pictures>
__global__ void show_kernel(Task t, Pictures pictures, RescaleOptions after, std::int64_t size,
                            float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const int c = static_cast<int>(i % t.channels);
  const std::int64_t pixel = i / t.channels;
  const int w = static_cast<int>(pixel % t.ranges.out_width);
  const std::int64_t line = pixel / t.ranges.out_width;
  const int h = static_cast<int>(line % t.ranges.out_height);
  const int image = static_cast<int>(line / t.ranges.out_height);
  const AugmentMap map = map_of(t, image);
  const Taps taps = find_taps(t, map, h, w);
  float sum = 0.0f;
  for (int tap = 0; tap < (t.whole_pixels ? 1 : 4); ++tap) {
    const std::int64_t at = place(t, taps, tap);
    const float value = at < 0 ? t.fill : pictures.read(image, at + c);
    sum = tap == 0 ? taps.weight(0) * value : sum + taps.weight(tap) * value;
  }
  y[i] = (sum + map.brightness) * after.scale + after.offset;
}

// A thread for each channel of an image gives every gradient back, one after another: pixels of the
// result share those of the picture, and the order of a sum is to be fixed. Rarely run: only for an
// augmentation behind other layers.
__global__ void backward_kernel(Task t, const float* dy, float* dx) {
  const std::int64_t i = global_index();
  if (i >= std::int64_t{t.batch} * t.channels) return;
  const int c = static_cast<int>(i % t.channels), image = static_cast<int>(i / t.channels);
  const std::int64_t pixels = std::int64_t{t.ranges.in_height} * t.ranges.in_width;
  const std::int64_t shown = std::int64_t{t.ranges.out_height} * t.ranges.out_width;
  float* to = dx + image * pixels * t.channels + c;
  const float* from = dy + image * shown * t.channels + c;
  for (std::int64_t p = 0; p < pixels; ++p) to[p * t.channels] = 0.0f;
  const AugmentMap map = map_of(t, image);
  for (int h = 0; h < t.ranges.out_height; ++h) {
    for (int w = 0; w < t.ranges.out_width; ++w, from += t.channels) {
      const Taps taps = find_taps(t, map, h, w);
      for (int tap = 0; tap < (t.whole_pixels ? 1 : 4); ++tap) {
        const std::int64_t at = place(t, taps, tap);
        if (at >= 0) to[at] += taps.weight(tap) * *from;
      }
    }
  }
}

template <typename Pictures>
void show(const AugmentGeometry& g, const AugmentSource& source, const Pictures& pictures,
          RescaleOptions after, View y, Stream stream) {
  run_each(y.size(), show_kernel<Pictures>, stream, task(g, source, y.batch), pictures, after,
           y.size(), y.data);
}

}  // namespace

void augment_gather(const AugmentGeometry& g, const AugmentSource& source, const Rows& images,
                    RescaleOptions before, RescaleOptions after, View y, Stream stream) {
  const std::int64_t row_size = std::int64_t{g.in_height} * g.in_width * g.channels;
  if (images.dtype == DType::uint8) {
    show(g, source, Picked<std::uint8_t>{images, before, row_size}, after, y, stream);
  } else {
    show(g, source, Picked<float>{images, before, row_size}, after, y, stream);
  }
}

void augment_forward(const AugmentGeometry& g, const AugmentSource& source, ConstView x, View y,
                     Stream stream) {
  show(g, source, Values{x.data, x.size() / x.batch}, {1.0f, 0.0f}, y, stream);
}

void augment_backward(const AugmentGeometry& g, const AugmentSource& source, ConstView dy, View dx,
                      Stream stream) {
  run_each(std::int64_t{dx.batch} * dx.channels, backward_kernel, stream, task(g, source, dx.batch),
           dy.data, dx.data);
}

}  // namespace pycnn::cuda
