#pragma once
// Convolution layers of a small net, forward.

#include "ops/cuda/small_net_conv.cuh"

namespace pycnn::cuda::small_net {

// Where a layer's output goes: into the planes of the next convolution, or flat, [height][width]
// [channel].
struct Target {
  int at, row, column, channel;
};

__device__ inline Target target(const Net& net, int next, int width, int channels) {
  if (next == net.conv_count) return {net.denses[0].x, width * channels, channels, 1};
  const Conv& c = net.convs[next];
  return {c.x.at + c.g.pad_top * c.x.pitch + c.g.pad_left, c.x.pitch, 1, c.x.plane()};
}

// weights: [input channel][row][column][output] with a row of biases, outputs in groups as the tile
// has them.
__device__ inline void load_conv_weights(const Block& b, const Conv& c) {
  const int taps = c.g.kernel_height * c.g.kernel_width, inputs = c.g.in_channels;
  const int outputs = c.g.out_channels, row = c.forward.row(outputs);
  share((inputs * taps + 1) * row, [&](int i) {
    const int tap = i / row, place = i % row % c.forward.group();
    const int o = i % row / c.forward.group() * c.forward.channels + place;
    float w = 0.0f;
    if (place < c.forward.channels && o < outputs) {
      if (tap < inputs * taps) {
        w = c.kernel[(tap % taps * inputs + tap / taps) * outputs + o];
      } else if (c.bias != nullptr) {
        w = c.bias[o];
      }
    }
    b.shared[c.weights + i] = w;
  });
}

// ReLU and pooling of 2x2 pixels, as in ops/cpu/conv2d_pool.cpp.
struct Finish {
  const Block& block;
  const Conv& c;
  Target to;

  __device__ void write(int image, int h, int w, int o, float value, int code) const {
    if (c.relu) {
      code = value > 0.0f ? code : 4;
      value = value > 0.0f || value != value ? value : 0.0f;
    }
    block.image(image)[to.at + h * to.row + w * to.column + o * to.channel] = value;
    block.codes(image, c)[(h * c.width + w) * c.g.out_channels + o] =
        static_cast<std::uint8_t>(code);
  }

  template <int O>
  __device__ void operator()(int image, int row, int column, int first,
                             const float (&acc)[4][O]) const {
#pragma unroll
    for (int j = 0; j < O; ++j) {
      const int o = first + j;
      if (o >= c.g.out_channels) continue;
      if (c.pool) {
        float best = acc[0][j];
        int code = 0;
#pragma unroll
        for (int p = 1; p < 4; ++p) {
          if (acc[p][j] > best || acc[p][j] != acc[p][j]) {
            best = acc[p][j];
            code = p;
          }
        }
        write(image, row, column, o, best, code);
        continue;
      }
#pragma unroll
      for (int p = 0; p < 4; ++p) {
        const int h = 2 * row + p / 2, w = 2 * column + p % 2;
        if (h < c.height && w < c.width) write(image, h, w, o, acc[p][j], 0);
      }
    }
  }
};

// LeNet-5, an image: 235 and 480 kFLOP; an SM does 256 a cycle, so 900 and 1900 cycles at best.
__device__ inline void conv_forward(const Block& b, int layer) {
  const Conv& c = b.net.convs[layer];
  const int rows = c.pool ? c.height : (c.height + 1) / 2;
  const int columns = c.pool ? c.width : (c.width + 1) / 2;
  const Windows v{c.x,  c.g.kernel_height, c.g.kernel_width, c.g.stride_height, c.g.stride_width,
                  rows, columns,           c.g.out_channels, c.forward};
  convolve(v, b.image(0) + c.x.at, b.net.image_size, b.images, b.shared + c.weights,
           b.shared + b.net.sums,
           Finish{b, c, target(b.net, layer + 1, c.width, c.g.out_channels)});
  __syncthreads();
}

}  // namespace pycnn::cuda::small_net
