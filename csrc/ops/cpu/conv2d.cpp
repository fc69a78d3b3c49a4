#include "ops/conv2d.h"

#include "ops/cpu/tile.h"

// Every pass keeps a tile of sums in registers while it walks the kernel (forward, backward_input)
// or the positions (backward_params). Weights are scalars that are broadcast to the lanes.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Tile sizes: pixels x channels, and for the fused pool 4 pixels (one window) x channels.
constexpr int kPixels = kAccumulators == 24 ? 4 : 3;
constexpr int kChannels = kAccumulators / kPixels;
constexpr int kPoolChannels = kAccumulators == 24 ? 6 : 2;
// Tile of kernel taps x output channels in backward_params.
constexpr int kTaps = kAccumulators == 24 ? 6 : 4;
constexpr int kTapChannels = kAccumulators / kTaps;

// ---- forward

// What the sums of one tile run over: `rows` kernel rows of `inner` (kernel column, channel)
// pairs, which lie one after another in x and in the kernel alike.
struct Sum {
  int rows, inner;
  std::int64_t x_row, channels;  // steps: x from one row to the next; kernel from one pair to it
};

// acc[p][o] += sum of x at pixel offset p times the kernel's channel o.
template <int P, int O>
PYCNN_INLINE void accumulate(const Sum& sum, const float* x, const std::int64_t (&pixel)[P],
                             const float* kernel, V (&acc)[P][O]) {
  for (int a = 0; a < sum.rows; ++a, x += sum.x_row) {
    const float* xi = x;
    for (int i = 0; i < sum.inner; ++i, xi += kLanes, kernel += sum.channels) {
      V v[P];
      PYCNN_UNROLL
      for (int p = 0; p < P; ++p) v[p] = load(xi + pixel[p]);
      PYCNN_UNROLL
      for (int o = 0; o < O; ++o) {
        const V weight = splat(kernel[o]);
        PYCNN_UNROLL
        for (int p = 0; p < P; ++p) acc[p][o] += v[p] * weight;
      }
    }
  }
}

template <int P, int O>
PYCNN_INLINE void start(const float* bias, V (&acc)[P][O]) {
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    const V b = bias != nullptr ? splat(bias[o]) : V{};
    PYCNN_UNROLL
    for (int p = 0; p < P; ++p) acc[p][o] = b;
  }
}

// P neighbouring pixels of a row, `x_step` apart in x, times O channels, written to y.
template <int P, int O>
void forward_tile(const Sum& sum, const float* x, std::int64_t x_step, const float* kernel,
                  const float* bias, bool relu_after, float* y) {
  std::int64_t pixel[P];
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) pixel[p] = p * x_step;
  V acc[P][O];
  start(bias, acc);
  accumulate(sum, x, pixel, kernel, acc);
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) {
      store(y + (p * sum.channels + o) * kLanes, relu_after ? relu(acc[p][o]) : acc[p][o]);
    }
  }
}

Sum forward_sum(const Conv2dGeometry& g, ConstView x) {
  return {g.kernel_height, g.kernel_width * g.in_channels, x.row, g.out_channels};
}

void forward(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
             bool relu_after, View y) {
  const Sum sum = forward_sum(g, x);
  const Split pixels(g.out_width, kPixels), channels(g.out_channels, kChannels);
  const std::int64_t x_step = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      const float* x_row = x.at(oh * g.stride_height - g.pad_top, -g.pad_left) + lane;
      for (int ct = 0, o = 0; ct < channels.parts; o += channels.size(ct++)) {
        for (int pt = 0, ow = 0; pt < pixels.parts; ow += pixels.size(pt++)) {
          dispatch<kPixels>(pixels.size(pt), [&](auto p) {
            dispatch<kChannels>(channels.size(ct), [&](auto c) {
              forward_tile<p.value, c.value>(sum, x_row + ow * x_step, x_step, kernel + o,
                                             bias != nullptr ? bias + o : nullptr, relu_after,
                                             y.at(oh, ow, o) + lane);
            });
          });
        }
      }
    }
  }
}

// ---- forward with ReLU and 2x2 max pooling

// One pooling window of O channels: four sums, their maximum, and which it was.
template <int O>
void forward_pool_tile(const Sum& sum, const float* x, const std::int64_t (&pixel)[4],
                       const float* kernel, const float* bias, bool relu_after, float* y,
                       std::uint8_t* code) {
  V acc[4][O];
  start(bias, acc);
  accumulate(sum, x, pixel, kernel, acc);
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) {
    V best = acc[0][o];
    VI place{};
    PYCNN_UNROLL
    for (int p = 1; p < 4; ++p) {
      const VI wins = (acc[p][o] > best) | (acc[p][o] != acc[p][o]);
      best = wins ? acc[p][o] : best;
      place = wins ? splat_int(p) : place;
    }
    if (relu_after) {
      place = best > V{} ? place : splat_int(4);
      best = relu(best);
    }
    store(y + o * kLanes, best);
    store_bytes(code + o * kLanes, place);
  }
}

void forward_pool(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                  bool relu_after, View y, std::uint8_t* code) {
  const Sum sum = forward_sum(g, x);
  const Split channels(g.out_channels, kPoolChannels);
  const std::int64_t right = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  const std::int64_t down = g.stride_height * x.row;
  const std::int64_t pixel[4] = {0, right, down, down + right};
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int ph = 0; ph < y.height; ++ph) {
      const float* x_row = x.at(2 * ph * g.stride_height - g.pad_top, -g.pad_left) + lane;
      for (int ct = 0, o = 0; ct < channels.parts; o += channels.size(ct++)) {
        for (int pw = 0; pw < y.width; ++pw) {
          const std::int64_t at =
              ((std::int64_t{ph} * y.width + pw) * y.channels + o) * kLanes + lane;
          dispatch<kPoolChannels>(channels.size(ct), [&](auto c) {
            forward_pool_tile<c.value>(sum, x_row + 2 * pw * right, pixel, kernel + o,
                                       bias != nullptr ? bias + o : nullptr, relu_after,
                                       y.at(ph, pw, o) + lane, code + at);
          });
        }
      }
    }
  }
}

void clear_row(View v, int h, int from) {
  float* row = v.at(h, from);
  for (std::int64_t i = 0; i < std::int64_t{v.width - from} * v.channels * kLanes; i += W) {
    store(row + i, V{});
  }
}

void backward_pool(ConstView dy, const std::uint8_t* code, View dz) {
  const std::int64_t size = std::int64_t{dy.channels} * kLanes;
  for (int ph = 0; ph < dy.height; ++ph) {
    for (int pw = 0; pw < dy.width; ++pw, code += size) {
      const float* from = dy.at(ph, pw);
      float* to[4] = {dz.at(2 * ph, 2 * pw), dz.at(2 * ph, 2 * pw + 1), dz.at(2 * ph + 1, 2 * pw),
                      dz.at(2 * ph + 1, 2 * pw + 1)};
      for (std::int64_t i = 0; i < size; i += W) {
        const V gradient = load(from + i);
        const VI place = load_bytes(code + i);
        PYCNN_UNROLL
        for (int p = 0; p < 4; ++p) store(to[p] + i, place == p ? gradient : V{});
      }
    }
    // An odd last column belongs to no window.
    for (int r = 0; r < 2; ++r) clear_row(dz, 2 * ph + r, 2 * dy.width);
  }
  for (int h = 2 * dy.height; h < dz.height; ++h) clear_row(dz, h, 0);
}

// ---- backward to the input

// Along one axis, the input positions r, r + stride, ... share a phase: they see the kernel taps
// first, first + stride, ..., and position r + stride * b sees output b + shift - u through tap u.
struct Phase {
  int start, positions, first, taps, shift;
  Phase(int r, int in, int kernel, int stride, int pad)
      : start(r),
        positions((in - r - 1) / stride + 1),
        first((r + pad) % stride),
        taps(first < kernel ? (kernel - first - 1) / stride + 1 : 0),
        shift((r + pad) / stride) {}
};

// The kernel rows and columns that reach the tile, already cut to existing output rows.
struct BackwardSum {
  int rows, columns, out_channels;
  std::int64_t dz_row, kernel_row, kernel_column, kernel_channel;  // steps from tap to tap
};

template <int P, int C>
void backward_input_tile(const BackwardSum& sum, const float* dz, const float* kernel, float* dx,
                         std::int64_t dx_step) {
  V acc[P][C];
  start<P, C>(nullptr, acc);
  const std::int64_t dz_column = std::int64_t{sum.out_channels} * kLanes;
  for (int t = 0; t < sum.rows; ++t) {
    for (int u = 0; u < sum.columns; ++u) {
      const float* d = dz - t * sum.dz_row - u * dz_column;
      const float* k = kernel + t * sum.kernel_row + u * sum.kernel_column;
      for (int o = 0; o < sum.out_channels; ++o, d += kLanes) {
        V v[P];
        PYCNN_UNROLL
        for (int p = 0; p < P; ++p) v[p] = load(d + p * dz_column);
        PYCNN_UNROLL
        for (int c = 0; c < C; ++c) {
          const V weight = splat(k[c * sum.kernel_channel + o]);
          PYCNN_UNROLL
          for (int p = 0; p < P; ++p) acc[p][c] += v[p] * weight;
        }
      }
    }
  }
  PYCNN_UNROLL
  for (int p = 0; p < P; ++p) {
    PYCNN_UNROLL
    for (int c = 0; c < C; ++c) store(dx + p * dx_step + c * kLanes, acc[p][c]);
  }
}

// All input positions of one row that share a phase in height and width.
void backward_input_row(const Conv2dGeometry& g, const Phase& v, const Phase& u, int a,
                        ConstView dz, const float* kernel, View dx, int lane) {
  // Output row a + shift - t must exist: cut the taps t to that.
  const int below = a + v.shift - (g.out_height - 1);
  const int t0 = below > 0 ? below : 0;
  const int last = a + v.shift < v.taps - 1 ? a + v.shift : v.taps - 1;
  const std::int64_t channel = g.out_channels;
  const std::int64_t column = g.in_channels * channel;
  const std::int64_t row = g.kernel_width * column;
  const BackwardSum sum{
      last - t0 + 1,           u.taps, g.out_channels, dz.row, g.stride_height * row,
      g.stride_width * column, channel};
  const float* k = kernel + (v.first + t0 * g.stride_height) * row + u.first * column;
  const std::int64_t dx_step = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  const Split pixels(u.positions, kPixels), channels(g.in_channels, kChannels);
  for (int ct = 0, c = 0; ct < channels.parts; c += channels.size(ct++)) {
    for (int pt = 0, b = 0; pt < pixels.parts; b += pixels.size(pt++)) {
      dispatch<kPixels>(pixels.size(pt), [&](auto np) {
        dispatch<kChannels>(channels.size(ct), [&](auto nc) {
          backward_input_tile<np.value, nc.value>(
              sum, dz.at(a + v.shift - t0, b + u.shift) + lane, k + c * channel,
              dx.at(v.start + a * g.stride_height, u.start + b * g.stride_width, c) + lane,
              dx_step);
        });
      });
    }
  }
}

void backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx) {
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int r = 0; r < g.stride_height && r < g.in_height; ++r) {
      const Phase v(r, g.in_height, g.kernel_height, g.stride_height, g.pad_top);
      for (int a = 0; a < v.positions; ++a) {
        for (int q = 0; q < g.stride_width && q < g.in_width; ++q) {
          const Phase u(q, g.in_width, g.kernel_width, g.stride_width, g.pad_left);
          backward_input_row(g, v, u, a, dz, kernel, dx, lane);
        }
      }
    }
  }
}

// ---- backward to the parameters

// J taps (kernel column, input channel) of one kernel row times O output channels, summed over all
// positions and images.
template <int J, int O>
void backward_kernel_tile(const Conv2dGeometry& g, const float* x, std::int64_t x_row,
                          const float* dz, std::int64_t dz_row, bool accumulate, float* dkernel) {
  const std::int64_t x_step = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  const std::int64_t dz_step = std::int64_t{g.out_channels} * kLanes;
  V acc[J][O];
  start<J, O>(nullptr, acc);
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      const float* xi = x + oh * x_row + lane;
      const float* d = dz + oh * dz_row + lane;
      for (int ow = 0; ow < g.out_width; ++ow, xi += x_step, d += dz_step) {
        V v[O];
        PYCNN_UNROLL
        for (int o = 0; o < O; ++o) v[o] = load(d + o * kLanes);
        PYCNN_UNROLL
        for (int j = 0; j < J; ++j) {
          const V xj = load(xi + j * kLanes);
          PYCNN_UNROLL
          for (int o = 0; o < O; ++o) acc[j][o] += xj * v[o];
        }
      }
    }
  }
  write_sums(acc, dkernel, g.out_channels, accumulate);
}

void backward_bias(ConstView dz, bool accumulate, float* dbias) {
  for (int o = 0; o < dz.channels; ++o) {
    V acc[1][1] = {{V{}}};
    for (int lane = 0; lane < kLanes; lane += W) {
      for (int h = 0; h < dz.height; ++h) {
        for (int w = 0; w < dz.width; ++w) acc[0][0] += load(dz.at(h, w, o) + lane);
      }
    }
    write_sums(acc, dbias + o, 1, accumulate);
  }
}

void backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                     float* dkernel, float* dbias) {
  const int inner = g.kernel_width * g.in_channels;
  const Split taps(inner, kTaps), channels(g.out_channels, kTapChannels);
  const std::int64_t x_row = g.stride_height * x.row;
  for (int ct = 0, o = 0; ct < channels.parts; o += channels.size(ct++)) {
    for (int a = 0; a < g.kernel_height; ++a) {
      const float* x_first = x.at(a - g.pad_top, -g.pad_left);
      for (int jt = 0, j = 0; jt < taps.parts; j += taps.size(jt++)) {
        dispatch<kTaps>(taps.size(jt), [&](auto nj) {
          dispatch<kTapChannels>(channels.size(ct), [&](auto no) {
            backward_kernel_tile<nj.value, no.value>(
                g, x_first + std::int64_t{j} * kLanes, x_row, dz.at(0, 0, o), dz.row, accumulate,
                dkernel + (std::int64_t{a} * inner + j) * g.out_channels + o);
          });
        });
      }
    }
  }
  if (dbias != nullptr) backward_bias(dz, accumulate, dbias);
}

}  // namespace

extern const Conv2dKernels conv2d_kernels;
const Conv2dKernels conv2d_kernels{forward, forward_pool, backward_pool, backward_input,
                                   backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
