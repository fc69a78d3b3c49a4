#pragma once
// Convolution layers of a small net, backward.

#include "ops/cuda/small_net_conv_patches.cuh"

namespace pycnn::cuda::small_net {

// Where in the convolution's output the gradient of a place of the layer's output goes: under
// pooling to one of four pixels.
struct Pixel {
  int row, column;
};

__device__ __forceinline__ Pixel pixel_of(const Conv& c, int h, int w, int code) {
  return c.pool ? Pixel{2 * h + code / 2, 2 * w + code % 2} : Pixel{h, w};
}

// acc[t] += x[t] dy for B taps of a row. B > 1: the stride is 1, and pairs are read.
template <int B>
__device__ __forceinline__ void add_row(const float* x, int column, float dy, float (&acc)[B]) {
  if constexpr (B == 1) {
    acc[0] += x[column] * dy;
  } else {
    const bool odd = column % 2 != 0;
    float v[B + 1];
    load_pairs<B + 1>(x + (column - (odd ? 1 : 0)), v);
#pragma unroll
    for (int t = 0; t < B; ++t) acc[t] += (odd ? v[t + 1] : v[t]) * dy;
  }
}

// The block's part of dw[a][b][c][o] = sum of x[row + a][column + b][c] dy[h][w][o] over images and
// places (h, w), (row, column) being the place's pixel: the other pixels of its pooling window have
// gradient 0, and are left out. A thread has one o, c, a and B b's, and every slices-th place; the
// slices are neighbouring lanes. db[o] = sum of dy goes with a = b = c = 0.
//
// LeNet-5's second layer: 480 threads, 25 places and 5 taps for each. A place costs a dy, a code
// and 3 pairs of pixels, of which a warp reads at most 8 different ones, for 5 multiply-adds:
// shared memory binds, 15 warps * 25 * 5 loads = 1900 cycles.
template <int B>
__device__ void weight_gradient(const Block& b, const Conv& c, float* part) {
  const Conv2dGeometry& g = c.g;
  const int runs = g.kernel_width / B;  // of B taps in a kernel row
  const int items = g.out_channels * runs * g.kernel_height * g.in_channels;
  int slices = 1;
  while (slices < kWarp && items * slices * 2 <= static_cast<int>(blockDim.x)) slices *= 2;
  const int lane = threadIdx.x % kWarp, slice = lane % slices;
  for (int warp = threadIdx.x - lane; warp < items * slices; warp += blockDim.x) {
    const int item = (warp + lane) / slices;
    const int o = item % g.out_channels, run = item / g.out_channels % runs;
    const int a = item / (g.out_channels * runs) % g.kernel_height;
    const int channel = item / (g.out_channels * runs * g.kernel_height);
    float acc[B] = {}, sum = 0.0f;
    for (int image = 0; image < b.images && item < items; ++image) {
      const float* x = b.image(image) + c.x.at + channel * c.x.plane() + a * c.x.pitch + run * B;
      const float* dy = b.image(image) + c.dy + o;
      const std::uint8_t* codes = b.codes(image, c) + o;
      for (int place = slice, h = 0, w = slice; place < c.height * c.width; place += slices) {
        for (; w >= c.width; w -= c.width) ++h;
        const int code = codes[place * g.out_channels];
        const float d = code < 4 ? dy[place * g.out_channels] : 0.0f;
        const Pixel p = pixel_of(c, h, w, code % 4);
        add_row<B>(x + p.row * g.stride_height * c.x.pitch, p.column * g.stride_width, d, acc);
        sum += d;
        w += slices;
      }
    }
    for (int other = slices / 2; other > 0; other /= 2) {
#pragma unroll
      for (int t = 0; t < B; ++t) acc[t] += __shfl_xor_sync(0xffffffffu, acc[t], other);
      sum += __shfl_xor_sync(0xffffffffu, sum, other);
    }
    if (slice > 0 || item >= items) continue;
    float* dw = part + c.kernel_sum + o;
#pragma unroll
    for (int t = 0; t < B; ++t) {
      dw[((a * g.kernel_width + run * B + t) * g.in_channels + channel) * g.out_channels] = acc[t];
    }
    if (c.bias != nullptr && channel + a + run == 0) part[c.bias_sum + o] = sum;
  }
}

// The kernel turned around, [output][row][column][input], for a convolution of dz; no biases.
__device__ inline void turn_weights(const Block& b, const Conv& c) {
  const int taps = c.g.kernel_height * c.g.kernel_width;
  const int row = c.backward.row(c.g.in_channels), from_row = c.forward.row(c.g.out_channels);
  share((c.g.out_channels * taps + 1) * row, [&](int i) {
    const int tap = i / row, place = i % row % c.backward.group();
    const int channel = i % row / c.backward.group() * c.backward.channels + place;
    const int o = tap / taps;
    float w = 0.0f;
    if (place < c.backward.channels && channel < c.g.in_channels && o < c.g.out_channels) {
      const int from = channel * taps + taps - 1 - tap % taps;
      w = b.shared[c.weights + from * from_row + o / c.forward.channels * c.forward.group() +
                   o % c.forward.channels];
    }
    b.shared[b.net.back_kernel_at + i] = w;
  });
}

// dz from dy and the codes, for the images from `first` on; the planes are zero before.
__device__ inline void spread_gradient(const Block& b, const Conv& c, int first, int images) {
  const int size = c.height * c.width * c.g.out_channels;
  share(images * size, [&](int i) {
    const int image = i / size, at = i % size, o = at % c.g.out_channels;
    const int place = at / c.g.out_channels;
    const int code = b.codes(first + image, c)[at];
    if (code > 3) return;
    const Pixel p = pixel_of(c, place / c.width, place % c.width, code);
    const int row = p.row * c.g.stride_height + c.g.kernel_height - 1 - c.g.pad_top;
    const int column = p.column * c.g.stride_width + c.g.kernel_width - 1 - c.g.pad_left;
    // A pixel that saw nothing but padding has no place.
    if (row < 0 || row >= c.dz.rows || column < 0 || column >= c.dz.pitch) return;
    b.shared[b.net.dz_at + image * b.net.dz_size + o * c.dz.plane() + row * c.dz.pitch + column] =
        b.image(first + image)[c.dy + at];
  });
}

// Writes the gradient of the layer's input, [height][width][channel].
struct WriteGradient {
  const Block& block;
  const Conv2dGeometry& g;
  int first, at;

  template <int O>
  __device__ void operator()(int image, int row, int column, int channel,
                             const float (&acc)[4][O]) const {
    float* dx = block.image(first + image) + at;
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      const int h = 2 * row + p / 2, w = 2 * column + p % 2;
      if (h >= g.in_height || w >= g.in_width) continue;
#pragma unroll
      for (int j = 0; j < O; ++j) {
        if (channel + j < g.in_channels) {
          dx[(h * g.in_width + w) * g.in_channels + channel + j] = acc[p][j];
        }
      }
    }
  }
};

// dx[i][j][c] = sum of dz[i + pad - a][j + pad - b][o] w[a][b][c][o]: a convolution of dz, zeros
// around it, with the kernel turned around. Overwrites x. LeNet-5, an image: 49 windows of 4
// pixels and 6 channels, 400 taps each: 940 kFLOP, 3700 cycles at best, half of it on zeros around
// the image, and three quarters on those that pooling left, were it not for the patches.
__device__ inline void convolved_gradient(const Block& b, int layer) {
  const Conv& c = b.net.convs[layer];
  const Windows v{c.dz,      c.g.kernel_height,       c.g.kernel_width,       1,
                  1,         (c.g.in_height + 1) / 2, (c.g.in_width + 1) / 2, c.g.in_channels,
                  c.backward};
  turn_weights(b, c);
  for (int first = 0; first < b.images; first += b.net.back_images) {
    const int images = min(b.net.back_images, b.images - first);
    __syncthreads();  // the memory is free
    share(images * b.net.dz_size, [&](int i) { b.shared[b.net.dz_at + i] = 0.0f; });
    __syncthreads();
    spread_gradient(b, c, first, images);
    __syncthreads();
    convolve(v, b.shared + b.net.dz_at, b.net.dz_size, images, b.shared + b.net.back_kernel_at,
             b.shared + b.net.back_sums_at,
             WriteGradient{b, c.g, first, b.net.convs[layer - 1].dy});
  }
  __syncthreads();
}

__device__ inline void input_gradient(const Block& b, int layer) {
  const Conv& c = b.net.convs[layer];
  if (!c.patches) {
    convolved_gradient(b, layer);
  } else if (c.g.kernel_width == 5) {
    patch_gradient<5>(b, layer);
  } else {
    patch_gradient<3>(b, layer);
  }
}

__device__ inline void weight_gradient(const Block& b, const Conv& c, float* part) {
  const bool pairs = c.g.stride_width == 1;
  if (pairs && c.g.kernel_width == 5) {
    weight_gradient<5>(b, c, part);
  } else if (pairs && c.g.kernel_width == 3) {
    weight_gradient<3>(b, c, part);
  } else {
    weight_gradient<1>(b, c, part);
  }
}

// All layers. A second twin has the weights of the last one, the first all else.
__device__ inline void conv_chain_backward(const Block& b) {
  float* part = b.net.parts + blockIdx.x * b.net.part_size;
  const int last = b.net.conv_count - 1;
  for (int i = last; i >= 0; --i) {
    const int whose = i == last ? b.net.twins - 1 : 0;
    if (b.twin == whose) weight_gradient(b, b.net.convs[i], part);
    if (b.twin == 0 && i > 0) input_gradient(b, i);
  }
}

}  // namespace pycnn::cuda::small_net
