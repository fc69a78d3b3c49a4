#pragma once
// Convolutions of images that lie in shared memory.

#include "ops/cuda/small_net_block.cuh"

namespace pycnn::cuda::small_net {

template <int N>
struct Number {
  static constexpr int value = N;
};

// A convolution over planes, for every 2x2 of its pixels.
struct Windows {
  Planes x;
  int kernel_height, kernel_width, stride_height, stride_width;
  int rows, columns;  // of 2x2 pixels
  int outputs;
  Tile tile;

  __device__ int taps() const { return x.channels * kernel_height * kernel_width; }
};

// Pairs from an address that is a multiple of 2 floats.
template <int Count>
__device__ __forceinline__ void load_pairs(const float* from, float (&to)[Count]) {
#pragma unroll
  for (int i = 0; i < Count; i += 2) {
    const float2 v = *reinterpret_cast<const float2*>(from + i);
    to[i] = v.x;
    to[i + 1] = v.y;
  }
}

// From a multiple of 4 floats.
template <int O>
__device__ __forceinline__ void load_vectors(const float* from, float (&to)[O]) {
  static_assert(O == 4 || O == 6 || O == 8);
#pragma unroll
  for (int i = 0; i + 4 <= O; i += 4) {
    const float4 v = *reinterpret_cast<const float4*>(from + i);
    to[i] = v.x;
    to[i + 1] = v.y;
    to[i + 2] = v.z;
    to[i + 3] = v.w;
  }
  if constexpr (O == 6) {
    const float2 v = *reinterpret_cast<const float2*>(from + 4);
    to[4] = v.x;
    to[5] = v.y;
  }
}

template <int O>
__device__ __forceinline__ void add_tap(const float* weights, float x0, float x1, float x2,
                                        float x3, float (&acc)[4][O]) {
  float w[O];
  load_vectors<O>(weights, w);
#pragma unroll
  for (int o = 0; o < O; ++o) {
    acc[0][o] += x0 * w[o];
    acc[1][o] += x1 * w[o];
    acc[2][o] += x2 * w[o];
    acc[3][o] += x3 * w[o];
  }
}

// acc += the window at x, over every slices-th channel from `channel` on. K: the kernel's width,
// where the stride is 1; 0: any.
template <int K, int O>
__device__ __forceinline__ void add_window(const Windows& v, const float* x, const float* weights,
                                           int channel, float (&acc)[4][O]) {
  const int step = v.tile.row(v.outputs);
  for (; channel < v.x.channels; channel += v.tile.slices) {
    const float* top = x + channel * v.x.plane();
    const float* w = weights + channel * v.kernel_height * v.kernel_width * step;
    for (int a = 0; a < v.kernel_height; ++a, top += v.x.pitch) {
      const float* bottom = top + v.stride_height * v.x.pitch;
      if constexpr (K > 0) {
        float upper[K + 1], lower[K + 1];
        load_pairs<K + 1>(top, upper);
        load_pairs<K + 1>(bottom, lower);
#pragma unroll
        for (int b = 0; b < K; ++b, w += step) {
          add_tap<O>(w, upper[b], upper[b + 1], lower[b], lower[b + 1], acc);
        }
      } else {
        for (int b = 0; b < v.kernel_width; ++b, w += step) {
          add_tap<O>(w, top[b], top[b + v.stride_width], bottom[b], bottom[b + v.stride_width],
                     acc);
        }
      }
    }
  }
}

// One slice (at 0) leaves its sums, and the one before it (at -1) adds them to its own.
template <int O>
__device__ __forceinline__ void hand_on(int slice, float* sums, int stride, float (&acc)[4][O]) {
  if (slice == 0) {
#pragma unroll
    for (int i = 0; i < 4 * O; ++i) sums[i * stride] = acc[i / O][i % O];
  }
  __syncthreads();
  if (slice != -1) return;
#pragma unroll
  for (int i = 0; i < 4 * O; ++i) acc[i / O][i % O] += sums[i * stride];
}

// Calls done(image, row, column, channel, acc) for each 2x2 of pixels and each group of outputs.
// `weights` is [tap][output] with a row of biases behind; `sums` has room for what the slices hand
// on: the last gives its sums to the one before it, and so on.
//
// Neighbouring threads have neighbouring windows and the same weights, which shared memory gives to
// all of them at once: a tap costs 2 loads of pixels for 5 (LDS.64, K = 5) and O / 4 of weights,
// for 4 O multiply-adds. An SM does 4 of those, but only one load, per cycle and warp: with O = 4
// they balance, with 6 and 8 arithmetic binds.
template <int K, int O, typename Done>
__device__ void convolve(const Windows& v, const float* x, int image_size, int images,
                         const float* weights, float* sums, Done done) {
  const int windows = v.rows * v.columns, items = windows * images * v.tile.groups(v.outputs);
  const int slices = v.tile.slices;
  const int together = slices > 1 ? items : static_cast<int>(blockDim.x);
  const int slice = static_cast<int>(threadIdx.x) / together;
  for (int item = static_cast<int>(threadIdx.x) % together; item < items; item += together) {
    const int window = item % windows, image = item / windows % images;
    const int group = item / (windows * images);
    const int row = window / v.columns, column = window % v.columns;
    const float* corner = x + image * image_size + 2 * row * v.stride_height * v.x.pitch +
                          2 * column * v.stride_width;
    const float* w = weights + group * v.tile.group();
    float acc[4][O] = {};
    if (slice == 0) add_tap<O>(w + v.taps() * v.tile.row(v.outputs), 1.0f, 1.0f, 1.0f, 1.0f, acc);
    if (slice < slices) add_window<K, O>(v, corner, w, slice, acc);
    for (int from = slices - 1; from > 0; --from) hand_on(slice - from, sums + item, items, acc);
    if (slice == 0) done(image, row, column, group * O, acc);
  }
}

// The instance for the kernel's width and the tile.
template <typename Done>
__device__ void convolve(const Windows& v, const float* x, int image_size, int images,
                         const float* weights, float* sums, Done done) {
  const auto with_outputs = [&](auto k) {
    constexpr int K = decltype(k)::value;
    switch (v.tile.channels) {
      case 4:
        return convolve<K, 4>(v, x, image_size, images, weights, sums, done);
      case 6:
        return convolve<K, 6>(v, x, image_size, images, weights, sums, done);
      default:
        return convolve<K, 8>(v, x, image_size, images, weights, sums, done);
    }
  };
  if (v.stride_width == 1 && v.kernel_width == 5) {
    with_outputs(Number<5>{});
  } else if (v.stride_width == 1 && v.kernel_width == 3) {
    with_outputs(Number<3>{});
  } else {
    with_outputs(Number<0>{});
  }
}

}  // namespace pycnn::cuda::small_net
