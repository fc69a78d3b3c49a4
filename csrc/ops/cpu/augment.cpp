#include "ops/augment.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

using i64 = std::int64_t;

// What pictures are read from: images as they lie in a data set, or lanes of a block. `place` is
// where a pixel begins, `read` one of its channels.
template <typename T>
struct Images {
  const T* const* images;
  int width, channels;
  RescaleOptions before;

  PYCNN_INLINE i64 place(i64 row, i64 column) const { return (row * width + column) * channels; }
  PYCNN_INLINE float read(int lane, i64 place, int channel) const {
    return static_cast<float>(images[lane][place + channel]) * before.scale + before.offset;
  }
};

struct Lanes {
  ConstView x;

  PYCNN_INLINE i64 place(i64 row, i64 column) const {
    return row * x.row + column * x.channels * kLanes;
  }
  PYCNN_INLINE float read(int lane, i64 place, int channel) const {
    return x.data[place + channel * kLanes + lane];
  }
};

// The pixels that one pixel of the result shows: one when all moves are whole, otherwise four.
template <int kCount>
struct Taps {
  i64 place[kCount];  // -1: outside of the picture
  float weight[kCount];
};

template <typename Picture>
PYCNN_INLINE i64 place_or_outside(const AugmentGeometry& g, const Picture& picture, i64 row,
                                  i64 column) {
  const bool inside = row >= 0 && row < g.in_height && column >= 0 && column < g.in_width;
  return inside ? picture.place(row, column) : -1;
}

// The 24 upper bits behind the point: as many as a float holds exactly.
PYCNN_INLINE float fraction(i64 position) {
  return static_cast<float>((position >> 8) & 0xffffff) * 0x1p-24f;
}

template <int kCount, typename Picture>
PYCNN_INLINE Taps<kCount> find_taps(const AugmentGeometry& g, const AugmentMap& map,
                                    const Picture& picture, int h, int w) {
  const i64 at_row = map.row + h * map.row_down + w * map.row_right;
  const i64 at_column = map.column + h * map.column_down + w * map.column_right;
  const i64 row = at_row >> 32, column = at_column >> 32;
  if constexpr (kCount == 1) {
    return {{place_or_outside(g, picture, row, column)}, {1.0f}};
  } else {
    const float down = fraction(at_row), right = fraction(at_column);
    return {
        {place_or_outside(g, picture, row, column), place_or_outside(g, picture, row, column + 1),
         place_or_outside(g, picture, row + 1, column),
         place_or_outside(g, picture, row + 1, column + 1)},
        {(1.0f - down) * (1.0f - right), (1.0f - down) * right, down * (1.0f - right),
         down * right}};
  }
}

template <int kCount, typename Picture>
PYCNN_INLINE float blend(const AugmentGeometry& g, const Picture& picture, const Taps<kCount>& taps,
                         int lane, int channel) {
  float sum = 0.0f;
  PYCNN_UNROLL
  for (int k = 0; k < kCount; ++k) {
    const float value =
        taps.place[k] < 0 ? g.options.fill : picture.read(lane, taps.place[k], channel);
    sum = k == 0 ? taps.weight[0] * value : sum + taps.weight[k] * value;
  }
  return sum;
}

template <int kCount, typename Picture>
void show(const AugmentGeometry& g, const AugmentMap* maps, int count, const Picture& picture,
          RescaleOptions after, View y) {
  for (int h = 0; h < y.height; ++h) {
    for (int w = 0; w < y.width; ++w) {
      float* to = y.at(h, w);
      for (int l = 0; l < count; ++l) {
        const Taps<kCount> taps = find_taps<kCount>(g, maps[l], picture, h, w);
        for (int c = 0; c < y.channels; ++c) {
          const float shown = blend(g, picture, taps, l, c) + maps[l].brightness;
          to[c * kLanes + l] = shown * after.scale + after.offset;
        }
      }
      for (int c = 0; c < y.channels; ++c) {
        for (int l = count; l < kLanes; ++l) to[c * kLanes + l] = 0.0f;
      }
    }
  }
}

template <typename Picture>
void show_any(const AugmentGeometry& g, const AugmentMap* maps, int count, const Picture& picture,
              RescaleOptions after, View y) {
  if (g.whole_pixels) return show<1>(g, maps, count, picture, after, y);
  show<4>(g, maps, count, picture, after, y);
}

void from_float(const AugmentGeometry& g, const AugmentMap* maps, const float* const* images,
                int count, RescaleOptions before, RescaleOptions after, View y) {
  show_any(g, maps, count, Images<float>{images, g.in_width, g.channels, before}, after, y);
}

void from_uint8(const AugmentGeometry& g, const AugmentMap* maps, const std::uint8_t* const* images,
                int count, RescaleOptions before, RescaleOptions after, View y) {
  show_any(g, maps, count, Images<std::uint8_t>{images, g.in_width, g.channels, before}, after, y);
}

void forward(const AugmentGeometry& g, const AugmentMap* maps, int count, ConstView x, View y) {
  show_any(g, maps, count, Lanes{x}, {1.0f, 0.0f}, y);
}

template <int kCount>
void give_back(const AugmentGeometry& g, const AugmentMap* maps, int count, ConstView dy, View dx) {
  const Lanes picture{{dx.data, dx.row, dx.height, dx.width, dx.channels}};
  for (int h = 0; h < dy.height; ++h) {
    for (int w = 0; w < dy.width; ++w) {
      const float* from = dy.at(h, w);
      for (int l = 0; l < count; ++l) {
        const Taps<kCount> taps = find_taps<kCount>(g, maps[l], picture, h, w);
        PYCNN_UNROLL
        for (int k = 0; k < kCount; ++k) {
          if (taps.place[k] < 0) continue;
          float* to = dx.data + taps.place[k] + l;
          for (int c = 0; c < dy.channels; ++c) {
            to[c * kLanes] += taps.weight[k] * from[c * kLanes + l];
          }
        }
      }
    }
  }
}

void backward(const AugmentGeometry& g, const AugmentMap* maps, int count, ConstView dy, View dx) {
  for (int h = 0; h < dx.height; ++h) {
    for (i64 i = 0; i < dx.row_size(); i += W) store(dx.at(h, 0) + i, V{});
  }
  if (g.whole_pixels) return give_back<1>(g, maps, count, dy, dx);
  give_back<4>(g, maps, count, dy, dx);
}

}  // namespace

extern const AugmentKernels augment_kernels;
const AugmentKernels augment_kernels{from_float, from_uint8, forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
