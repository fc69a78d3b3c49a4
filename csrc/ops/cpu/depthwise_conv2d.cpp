#include "ops/depthwise_conv2d.h"

#include "ops/cpu/conv2d_tile.h"

// A channel of a pixel is one vector of images. Forward and backward_input keep the sums of a few
// neighbouring pixels in registers, so that a weight is broadcast once for all of them;
// backward_params those of a few kernel taps. Channels lie next to each other in memory: they are
// the inner loop.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kRowPixels = 6;
constexpr int kTapRows = 3, kTapColumns = 4;  // 12 sums fit the registers of every set

// What the sums of a tile run over: steps from tap to tap and from pixel to pixel.
struct Sum {
  int rows, columns;
  std::int64_t x_row, x_column, x_pixel, kernel_row, kernel_column;
};

// acc[p] += sum over the taps of x at pixel p times the tap's weight.
template <int P>
PYCNN_INLINE void accumulate(const Sum& sum, const float* x, const float* kernel, V (&acc)[P]) {
  for (int a = 0; a < sum.rows; ++a) {
    const float* xb = x + a * sum.x_row;
    const float* k = kernel + a * sum.kernel_row;
    for (int b = 0; b < sum.columns; ++b, xb += sum.x_column, k += sum.kernel_column) {
      const V weight = splat(*k);
      PYCNN_UNROLL
      for (int p = 0; p < P; ++p) acc[p] += load(xb + p * sum.x_pixel) * weight;
    }
  }
}

// ---- forward

// P neighbouring pixels of a row, all channels.
template <int P>
void forward_pixels(const Conv2dGeometry& g, const Sum& sum, const float* x, const float* kernel,
                    const float* bias, bool relu_after, float* y) {
  const int multiplier = g.out_channels / g.in_channels;
  const std::int64_t y_pixel = std::int64_t{g.out_channels} * kLanes;
  for (int o = 0, c = 0; c < g.in_channels; ++c, x += kLanes) {
    for (int q = 0; q < multiplier; ++q, ++o, y += kLanes) {
      V acc[P];
      const V b = bias != nullptr ? splat(bias[o]) : V{};
      PYCNN_UNROLL
      for (int p = 0; p < P; ++p) acc[p] = b;
      accumulate(sum, x, kernel + o, acc);
      PYCNN_UNROLL
      for (int p = 0; p < P; ++p) store(y + p * y_pixel, relu_after ? relu(acc[p]) : acc[p]);
    }
  }
}

void forward(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
             bool relu_after, View y) {
  const std::int64_t x_pixel = std::int64_t{g.in_channels} * kLanes;
  const Sum sum{g.kernel_height,
                g.kernel_width,
                g.dilation_height * x.row,
                g.dilation_width * x_pixel,
                g.stride_width * x_pixel,
                std::int64_t{g.kernel_width} * g.out_channels,
                g.out_channels};
  const Split pixels(g.out_width, kRowPixels);
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      const float* x_row = x.at(oh * g.stride_height - g.pad_top, -g.pad_left) + lane;
      for (int pt = 0, ow = 0; pt < pixels.parts; ow += pixels.size(pt++)) {
        dispatch<kRowPixels>(pixels.size(pt), [&](auto p) {
          forward_pixels<p.value>(g, sum, x_row + ow * sum.x_pixel, kernel, bias, relu_after,
                                  y.at(oh, ow) + lane);
        });
      }
    }
  }
}

// ---- backward to the input

// P neighbouring pixels of a phase, all channels: a correlation of dz with the flipped kernel, so
// steps in dz (the sum's x) go back.
template <int P>
void backward_input_pixels(const Conv2dGeometry& g, const Sum& sum, const float* dz,
                           const float* kernel, float* dx) {
  const int multiplier = g.out_channels / g.in_channels;
  const std::int64_t dx_pixel = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  for (int c = 0; c < g.in_channels; ++c, dx += kLanes) {
    V acc[P] = {};
    for (int q = 0; q < multiplier; ++q, dz += kLanes, ++kernel) {
      accumulate(sum, dz, kernel, acc);
    }
    PYCNN_UNROLL
    for (int p = 0; p < P; ++p) store(dx + p * dx_pixel, acc[p]);
  }
}

// All input positions of one row that share a phase in height and width.
void backward_input_row(const Conv2dGeometry& g, const Phase& v, const Phase& u, int a,
                        ConstView dz, const float* kernel, View dx, int lane) {
  const Taps rows(v, a, g.out_height);
  const std::int64_t dz_pixel = std::int64_t{g.out_channels} * kLanes;
  const std::int64_t column = g.out_channels, row = g.kernel_width * column;
  const Sum sum{rows.count,
                u.taps,
                -v.dilation * dz.row,
                -u.dilation * dz_pixel,
                dz_pixel,
                g.stride_height * row,
                g.stride_width * column};
  const float* k = kernel + (v.first + rows.begin * g.stride_height) * row + u.first * column;
  const int dz_row = a + v.shift - rows.begin * v.dilation;
  const Split pixels(u.positions, kRowPixels);
  for (int pt = 0, b = 0; pt < pixels.parts; b += pixels.size(pt++)) {
    dispatch<kRowPixels>(pixels.size(pt), [&](auto p) {
      backward_input_pixels<p.value>(
          g, sum, dz.at(dz_row, b + u.shift) + lane, k,
          dx.at(v.start + a * g.stride_height, u.start + b * g.stride_width) + lane);
    });
  }
}

void backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx) {
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int r = 0; r < g.stride_height && r < g.in_height; ++r) {
      const Phase v(r, g.in_height, g.kernel_height, g.stride_height, g.pad_top, g.dilation_height);
      for (int a = 0; a < v.positions; ++a) {
        for (int q = 0; q < g.stride_width && q < g.in_width; ++q) {
          const Phase u(q, g.in_width, g.kernel_width, g.stride_width, g.pad_left,
                        g.dilation_width);
          backward_input_row(g, v, u, a, dz, kernel, dx, lane);
        }
      }
    }
  }
}

// ---- backward to the parameters

// A x B kernel taps of one output channel, summed over all positions and images.
template <int A, int B>
void backward_kernel_tile(const Conv2dGeometry& g, ConstView x, const float* x_first, ConstView dz,
                          int o, bool accumulate, float* dkernel) {
  const std::int64_t pixel = std::int64_t{g.in_channels} * kLanes;
  const std::int64_t x_step = g.stride_width * pixel, dz_step = std::int64_t{dz.channels} * kLanes;
  const std::int64_t down = g.dilation_height * x.row, right = g.dilation_width * pixel;
  V acc[A][B][1] = {};
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      const float* xi = x_first + oh * g.stride_height * x.row + lane;
      const float* d = dz.at(oh, 0, o) + lane;
      for (int ow = 0; ow < g.out_width; ++ow, xi += x_step, d += dz_step) {
        const V v = load(d);
        PYCNN_UNROLL
        for (int a = 0; a < A; ++a) {
          PYCNN_UNROLL
          for (int b = 0; b < B; ++b) acc[a][b][0] += load(xi + a * down + b * right) * v;
        }
      }
    }
  }
  for (int a = 0; a < A; ++a) {
    write_sums(acc[a], dkernel + std::int64_t{a} * g.kernel_width * g.out_channels, g.out_channels,
               accumulate);
  }
}

void backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                     float* dkernel, float* dbias) {
  const int multiplier = g.out_channels / g.in_channels;
  const Split rows(g.kernel_height, kTapRows), columns(g.kernel_width, kTapColumns);
  for (int o = 0; o < g.out_channels; ++o) {
    for (int rt = 0, a = 0; rt < rows.parts; a += rows.size(rt++)) {
      for (int ct = 0, b = 0; ct < columns.parts; b += columns.size(ct++)) {
        const float* x_first = x.at(a * g.dilation_height - g.pad_top,
                                    b * g.dilation_width - g.pad_left, o / multiplier);
        dispatch<kTapRows>(rows.size(rt), [&](auto na) {
          dispatch<kTapColumns>(columns.size(ct), [&](auto nb) {
            backward_kernel_tile<na.value, nb.value>(
                g, x, x_first, dz, o, accumulate,
                dkernel + (std::int64_t{a} * g.kernel_width + b) * g.out_channels + o);
          });
        });
      }
    }
  }
  if (dbias != nullptr) backward_bias(dz, accumulate, dbias);
}

}  // namespace

extern const DepthwiseConv2dKernels depthwise_conv2d_kernels;
const DepthwiseConv2dKernels depthwise_conv2d_kernels{forward, backward_input, backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
