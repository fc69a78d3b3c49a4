#include "ops/gather.h"

#include "ops/cpu/transpose.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// One image into its lane. The same image's row is contiguous in both layouts but for the stride.
template <typename T>
void fill_lane(const T* image, float scale, float offset, View y, int lane) {
  const int row = y.width * y.channels;
  for (int h = 0; h < y.height; ++h) {
    float* to = y.at(h, 0) + lane;
    const T* from = image + std::int64_t{h} * row;
    for (int i = 0; i < row; ++i) {
      to[std::int64_t{i} * kLanes] = static_cast<float>(from[i]) * scale + offset;
    }
  }
}

PYCNN_INLINE V load_floats(const float* p) { return load_unaligned(p); }
PYCNN_INLINE V load_floats(const std::uint8_t* p) {
  return __builtin_convertvector(load_bytes(p), V);
}

// Calls f(first) for groups of W elements of a row; the last two overlap where W is no divisor.
template <typename F>
PYCNN_INLINE void for_groups(int row, F f) {
  for (int i = 0; i < row; i += W) f(i + W <= row ? i : row - W);
}

// All 16 lanes at once, W elements of W images at a time. A row has W elements at least.
template <typename T>
void fill_all(const T* const* images, float scale, float offset, View y) {
  const int row = y.width * y.channels;
  for (int h = 0; h < y.height; ++h) {
    float* to = y.at(h, 0);
    const std::int64_t base = std::int64_t{h} * row;
    for_groups(row, [&](int first) {
      for (int lane = 0; lane < kLanes; lane += W) {
        V v[W];
        PYCNN_UNROLL
        for (int l = 0; l < W; ++l) {
          v[l] = load_floats(images[lane + l] + base + first) * scale + offset;
        }
        transpose(v);
        PYCNN_UNROLL
        for (int i = 0; i < W; ++i) store(to + std::int64_t{first + i} * kLanes + lane, v[i]);
      }
    });
  }
}

void clear_lane(View y, int lane) {
  for (int h = 0; h < y.height; ++h) {
    float* to = y.at(h, 0) + lane;
    for (int i = 0; i < y.width * y.channels; ++i) to[std::int64_t{i} * kLanes] = 0.0f;
  }
}

void to_float_by_lane(ConstView x, int count, float* const* images) {
  const int row = x.width * x.channels;
  for (int l = 0; l < count; ++l) {
    for (int h = 0; h < x.height; ++h) {
      const float* from = x.at(h, 0) + l;
      float* to = images[l] + std::int64_t{h} * row;
      for (int i = 0; i < row; ++i) to[i] = from[std::int64_t{i} * kLanes];
    }
  }
}

template <typename T>
void gather(const T* const* images, int count, float scale, float offset, View y) {
  if (count == kLanes && y.width * y.channels >= W) return fill_all(images, scale, offset, y);
  for (int l = 0; l < count; ++l) fill_lane(images[l], scale, offset, y, l);
  for (int l = count; l < kLanes; ++l) clear_lane(y, l);
}

void from_float(const float* const* images, int count, float scale, float offset, View y) {
  gather(images, count, scale, offset, y);
}

void from_uint8(const std::uint8_t* const* images, int count, float scale, float offset, View y) {
  gather(images, count, scale, offset, y);
}

void to_float(ConstView x, int count, float* const* images) {
  const int row = x.width * x.channels;
  if (row < W) return to_float_by_lane(x, count, images);
  for (int h = 0; h < x.height; ++h) {
    const float* from = x.at(h, 0);
    const std::int64_t base = std::int64_t{h} * row;
    for_groups(row, [&](int first) {
      for (int lane = 0; lane < count; lane += W) {
        V v[W];
        PYCNN_UNROLL
        for (int i = 0; i < W; ++i) v[i] = load(from + std::int64_t{first + i} * kLanes + lane);
        transpose(v);
        PYCNN_UNROLL
        for (int l = 0; l < W; ++l) {
          if (lane + l < count) store_unaligned(images[lane + l] + base + first, v[l]);
        }
      }
    });
  }
}

}  // namespace

extern const GatherKernels gather_kernels;
const GatherKernels gather_kernels{from_float, from_uint8, to_float};

}  // namespace pycnn::cpu::PYCNN_ISA
