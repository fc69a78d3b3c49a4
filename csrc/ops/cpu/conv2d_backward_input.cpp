#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_tile.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// The kernel rows and columns that reach the tile, already cut to existing output rows, and the
// output channels of the group.
struct BackwardSum {
  int rows, columns, outputs;
  std::int64_t dz_pixel;                                   // step from pixel to pixel
  std::int64_t dz_row, dz_column;                          // steps back from tap to tap
  std::int64_t kernel_row, kernel_column, kernel_channel;  // steps from tap to tap
};

template <int P, int C>
void backward_input_tile(const BackwardSum& sum, const float* dz, const float* kernel, float* dx,
                         std::int64_t dx_step) {
  V acc[P][C];
  start<P, C>(nullptr, acc);
  for (int t = 0; t < sum.rows; ++t) {
    for (int u = 0; u < sum.columns; ++u) {
      const float* d = dz - t * sum.dz_row - u * sum.dz_column;
      const float* k = kernel + t * sum.kernel_row + u * sum.kernel_column;
      for (int o = 0; o < sum.outputs; ++o, d += kLanes) {
        V v[P];
        PYCNN_UNROLL
        for (int p = 0; p < P; ++p) v[p] = load(d + p * sum.dz_pixel);
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

// All input positions of one row that share a phase in height and width, and all channels of a
// group.
void backward_input_row(const Conv2dGeometry& g, const Phase& v, const Phase& u, int a, int group,
                        ConstView dz, const float* kernel, View dx, int lane) {
  const Taps rows(v, a, g.out_height);
  const int inputs = g.in_channels / g.groups, outputs = g.out_channels / g.groups;
  const std::int64_t channel = g.out_channels;
  const std::int64_t column = inputs * channel;
  const std::int64_t row = g.kernel_width * column;
  const BackwardSum sum{rows.count,
                        u.taps,
                        outputs,
                        channel * kLanes,
                        v.dilation * dz.row,
                        u.dilation * channel * kLanes,
                        g.stride_height * row,
                        g.stride_width * column,
                        channel};
  const float* k =
      kernel + (v.first + rows.begin * g.stride_height) * row + u.first * column + group * outputs;
  const int dz_row = a + v.shift - rows.begin * v.dilation;
  const std::int64_t dx_step = std::int64_t{g.stride_width} * g.in_channels * kLanes;
  const Split pixels(u.positions, kPixels), channels(inputs, kChannels);
  for (int ct = 0, c = 0; ct < channels.parts; c += channels.size(ct++)) {
    for (int pt = 0, b = 0; pt < pixels.parts; b += pixels.size(pt++)) {
      dispatch<kPixels>(pixels.size(pt), [&](auto np) {
        dispatch<kChannels>(channels.size(ct), [&](auto nc) {
          backward_input_tile<np.value, nc.value>(
              sum, dz.at(dz_row, b + u.shift, group * outputs) + lane, k + c * channel,
              dx.at(v.start + a * g.stride_height, u.start + b * g.stride_width,
                    group * inputs + c) +
                  lane,
              dx_step);
        });
      });
    }
  }
}

}  // namespace

void conv2d_backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx) {
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int r = 0; r < g.stride_height && r < g.in_height; ++r) {
      const Phase v(r, g.in_height, g.kernel_height, g.stride_height, g.pad_top, g.dilation_height);
      for (int a = 0; a < v.positions; ++a) {
        for (int q = 0; q < g.stride_width && q < g.in_width; ++q) {
          const Phase u(q, g.in_width, g.kernel_width, g.stride_width, g.pad_left,
                        g.dilation_width);
          for (int group = 0; group < g.groups; ++group) {
            backward_input_row(g, v, u, a, group, dz, kernel, dx, lane);
          }
        }
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
