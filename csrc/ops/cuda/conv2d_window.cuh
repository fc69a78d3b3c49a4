#pragma once
// A convolution's windows as a matrix that is not stored: a row for each place of the window, a
// column for each term of its sum.

#include "ops/cuda/conv2d_sizes.h"
#include "ops/cuda/divider.cuh"
#include "ops/cuda/gemm.cuh"

namespace pycnn::cuda {

// Along one axis: window i begins at i * stride + start, tap t of it lies t * gap further. Sums
// wrap modulo 2^32, so that positions in front of the image are beyond its end as well.
struct WindowAxis {
  unsigned size;  // of the image
  unsigned stride, start, gap;
  Divider windows;  // how many
};

// Row (image, i, j), column (tap a, tap b, channel).
struct Windows {
  const float* data;  // of the group's first channel
  unsigned rows, terms;
  unsigned outside;   // a top from which no tap leads into the image: of rows that do not exist
  unsigned channels;  // of a pixel
  Divider inner;      // channels of the group
  WindowAxis down, right;
  Divider row_taps;  // of a window
  bool quads;        // whether four channels can be read at once

  struct Place {
    unsigned offset, top, left;
  };
  struct Tap {
    unsigned offset, down, right;
    bool exists;
  };

  __device__ __forceinline__ Place place(unsigned row) const {
    unsigned image = row;
    const unsigned j = right.windows.split(image), i = down.windows.split(image);
    const unsigned top = row < rows ? i * down.stride + down.start : outside;
    const unsigned left = j * right.stride + right.start;
    return {((image * down.size + top) * right.size + left) * channels, top, left};
  }
  __device__ __forceinline__ Tap tap(unsigned term) const {
    unsigned a = term;
    const unsigned channel = inner.split(a), b = row_taps.split(a);
    return {(a * down.gap * right.size + b * right.gap) * channels + channel, a * down.gap,
            b * right.gap, term < terms};
  }
  __device__ __forceinline__ bool inside(const Place& p, const Tap& t) const {
    return t.exists && p.top + t.down < down.size && p.left + t.right < right.size;
  }

  // Terms first to first + 3.
  struct Taps {
    Tap tap[4];
  };
  __device__ __forceinline__ Taps taps(unsigned first) const {
    Taps t{{tap(first)}};
    if (quads) return t;
#pragma unroll
    for (unsigned j = 1; j < 4; ++j) t.tap[j] = tap(first + j);
    return t;
  }
  __device__ __forceinline__ void load(const Place& p, const Taps& t, float (&v)[4]) const {
    if (quads && inside(p, t.tap[0])) return load_quad(data + (p.offset + t.tap[0].offset), v);
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) {
      v[j] = !quads && inside(p, t.tap[j]) ? data[p.offset + t.tap[j].offset] : 0.0f;
    }
  }
};

// The matrix as a left factor: sums over terms.
struct WindowsAlong : Windows {
  static constexpr bool kAlongSum = true;
  using Line = Place;
  using Step = Taps;

  __device__ __forceinline__ Line line(unsigned i) const { return place(i); }
  __device__ __forceinline__ Step step(unsigned k) const { return taps(k); }
};

// Its transpose: sums over the places.
struct WindowsAcross : Windows {
  static constexpr bool kAlongSum = false;
  using Line = Taps;
  using Step = Place;

  __device__ __forceinline__ Line line(unsigned i) const { return taps(i); }
  __device__ __forceinline__ Step step(unsigned k) const { return place(k); }
  __device__ __forceinline__ void load(const Taps& t, const Place& p, float (&v)[4]) const {
    Windows::load(p, t, v);
  }
};

// The windows of the first group in x.
Windows input_windows(const Conv2dSizes& s, const float* x);

}  // namespace pycnn::cuda
