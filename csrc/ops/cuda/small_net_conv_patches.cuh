#pragma once
// The gradient of the input of a convolution that pooling follows, KxK with stride 1. Pooling lets
// one of four pixels through, so that from an output's place, dy at pixel (2h + e, 2w + f), come
// dy w[a][b][c][o] for the inputs (2h + e + a, 2w + f + b): all in a patch of (K+1)x(K+1), where
// the kernel has four places. A thread has the patch of one place and input channel in registers,
// adds all outputs to it, and leaves it in shared memory; then each input adds the patches that
// cover it, in order.

#include "ops/cuda/small_net_conv.cuh"

namespace pycnn::cuda::small_net {

// A kernel of one input channel and output in shared memory: each row twice, at the left of its
// space and one further right, with zeros beside it, and a row of zeros before the first and behind
// the last. What four places of the kernel read lies in different banks.
template <int K>
struct PatchKernel {
  static constexpr int kSpace = (K + 1 + 3) / 4 * 4, kRow = 2 * kSpace, kSize = (K + 2) * kRow;

  // From where row after row of the patch begins.
  __device__ static int begin(int code) { return (1 - code / 2) * kRow + code % 2 * kSpace; }
};

template <int K>
__device__ void make_patch_kernels(const Block& b, const Conv& c) {
  using Kernel = PatchKernel<K>;
  const int inputs = c.g.in_channels, outputs = c.g.out_channels;
  share(inputs * outputs * Kernel::kSize, [&](int i) {
    const int row = i % Kernel::kSize / Kernel::kRow - 1;
    const int column = i % Kernel::kSpace - i % Kernel::kRow / Kernel::kSpace;
    const int channel = i / Kernel::kSize % inputs, o = i / Kernel::kSize / inputs;
    const bool inside = row >= 0 && row < K && column >= 0 && column < K;
    const int tap = (channel * K + row) * K + column;
    b.shared[b.net.back_kernel_at + i] =
        inside ? b.shared[c.weights + tap * c.forward.row(outputs) +
                          o / c.forward.channels * c.forward.group() + o % c.forward.channels]
               : 0.0f;
  });
}

// What a place of the output gives: dy, and where in the kernel to begin. [image][output][place]
__device__ __forceinline__ float2* events(const Block& b) {
  return reinterpret_cast<float2*>(b.shared + b.net.dz_at);
}

template <int K>
__device__ void make_events(const Block& b, const Conv& c, int first, int images) {
  const int places = c.height * c.width, outputs = c.g.out_channels, size = places * outputs;
  share(images * size, [&](int i) {
    const int image = first + i / size, o = i % outputs, place = i % size / outputs;
    const int code = b.codes(image, c)[i % size];
    events(b)[(i / size * outputs + o) * places + place] =
        make_float2(code < 4 ? b.image(image)[c.dy + i % size] : 0.0f,
                    __int_as_float(PatchKernel<K>::begin(code % 4)));
  });
}

// patches: [slice][image][input channel][row][column][place]. LeNet-5, an image: 2400 times 12
// loads of weights, a few different ones in a warp, and 36 multiply-adds.
template <int K>
__device__ void make_patches(const Block& b, const Conv& c, int images, int slices) {
  using Kernel = PatchKernel<K>;
  constexpr int kSide = K + 1, kCells = kSide * kSide;
  const int places = c.height * c.width, inputs = c.g.in_channels, outputs = c.g.out_channels;
  const int items = images * inputs * places;
  share(items * slices, [&](int i) {
    const int place = i % places, channel = i / places % inputs;
    const int image = i / (places * inputs) % images;
    float acc[kCells] = {};
    for (int o = i / items; o < outputs; o += slices) {
      const float2 event = events(b)[(image * outputs + o) * places + place];
      const float* w = b.shared + b.net.back_kernel_at + (o * inputs + channel) * Kernel::kSize +
                       __float_as_int(event.y);
#pragma unroll
      for (int u = 0; u < kSide; ++u, w += Kernel::kRow) {
        float row[kSide];
        load_vectors<kSide>(w, row);
#pragma unroll
        for (int v = 0; v < kSide; ++v) acc[u * kSide + v] += event.x * row[v];
      }
    }
    float* to = b.shared + b.net.back_sums_at + i / places * kCells * places + place;
#pragma unroll
    for (int cell = 0; cell < kCells; ++cell) to[cell * places] = acc[cell];
  });
}

template <int K>
__device__ void add_patches(const Block& b, const Conv& c, int at, int first, int images,
                            int slices) {
  constexpr int kSide = K + 1;
  const Conv2dGeometry& g = c.g;
  const int places = c.height * c.width, inputs = g.in_channels;
  const int size = g.in_height * g.in_width * inputs;
  share(images * size, [&](int i) {
    const int channel = i % inputs, image = i / size;
    const int row = i % size / (inputs * g.in_width) + g.pad_top;
    const int column = i % (inputs * g.in_width) / inputs + g.pad_left;
    // The places whose patch covers (row, column).
    const int h0 = max(row - K + 1, 0) / 2, h1 = min(row / 2, c.height - 1);
    const int w0 = max(column - K + 1, 0) / 2, w1 = min(column / 2, c.width - 1);
    float sum = 0.0f;
    for (int s = 0; s < slices; ++s) {
      const float* from = b.shared + b.net.back_sums_at +
                          ((s * images + image) * inputs + channel) * kSide * kSide * places;
      for (int h = h0; h <= h1; ++h) {
        for (int w = w0; w <= w1; ++w) {
          const int cell = (row - 2 * h) * kSide + column - 2 * w;
          sum += from[cell * places + h * c.width + w];
        }
      }
    }
    b.image(first + image)[at + i % size] = sum;
  });
}

template <int K>
__device__ void patch_gradient(const Block& b, int layer) {
  const Conv& c = b.net.convs[layer];
  make_patch_kernels<K>(b, c);
  for (int first = 0; first < b.images; first += b.net.back_images) {
    const int images = min(b.net.back_images, b.images - first);
    const int items = images * c.g.in_channels * c.height * c.width;
    const int slices = max(1, min(static_cast<int>(blockDim.x) / items, c.g.out_channels));
    __syncthreads();  // the memory is free
    make_events<K>(b, c, first, images);
    __syncthreads();
    make_patches<K>(b, c, images, slices);
    __syncthreads();
    add_patches<K>(b, c, b.net.convs[layer - 1].dy, first, images, slices);
  }
  __syncthreads();
}

}  // namespace pycnn::cuda::small_net
