#pragma once
// Kernels of 3x3 with stride 1 in half the multiplications: Winograd's minimal filtering along the
// rows (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", F(4, 3)).
//
// A row of outputs is cut into tiles of 4. Each comes from 6 columns of the input, which are
// polynomials' coefficients as the 3 taps are: at the points 0, 1, -1, 2, -2 and infinity one
// multiplication each gives their product's values, where the 4 sums of 3 have 12. The rows and
// channels of a sum are added up point by point, so that the way back is gone once for all of them.
// The taps' values are scaled by 24, which makes all factors integers, and the sums by 1/24.
//
// The gradient of the taps is the same with tiles of 4 gradients in the place of the 3 taps: F(3,
// 4). The rounding error is two to three times that of the plain sum.

#include "ops/conv2d.h"
#include "ops/cpu/channels.h"
#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA::channels::winograd {

inline constexpr int kTileColumns = 4;
inline constexpr int kPoints = 6;
inline constexpr int kTaps = 3;
inline constexpr float kScale = 24.0f;

// Whether it pays: the last tile of a row may reach beyond its end, and the kernel is transformed
// for every image.
inline bool suits(const Conv2dGeometry& g) {
  const int tiles = (g.out_width + kTileColumns - 1) / kTileColumns;
  return g.kernel_height == kTaps && g.kernel_width == kTaps && g.stride_height == 1 &&
         g.stride_width == 1 && g.dilation_height == 1 && g.dilation_width == 1 &&
         g.in_channels >= kLanes && g.out_channels >= kLanes &&
         tiles * kPoints * 4 <= g.out_width * kTaps * 3;
}

// y[h, w][o] = start + sum over a, b < 3, i < x.channels of
//              x[h + a - pad_top, w + b - pad_left][i] * weights[a, b, i][o],
// where x is 0 outside its image, whatever its halo holds.
struct Product {
  ConstChannelView x;
  int pad_top, pad_left;
  // Rows of output lanes: which is that of (0, 0, 0), and how many rows lead on from tap to tap.
  // Rows have `weight_width` floats; or, where that is 0, each tile of vectors has rows of its own.
  const float* weights;
  int weight_first, weight_row, weight_column, weight_width;
  const float* bias;      // what the sums start from: null or a number for each o;
  ConstChannelView base;  // or data null, or a number for each of y
  bool relu_after;
  ChannelView y;
};

void multiply(Team& team, const Product& product);

// dkernel = or += the gradient of the taps, as backward_params.
void sum_kernel(Team& team, const Conv2dGeometry& g, const ConstChannelView& x,
                const ConstChannelView& dz, bool accumulate, float* scratch, float* dkernel);
std::int64_t sum_kernel_scratch(const Conv2dGeometry& g, int images);

// The values of six columns at the points.
PYCNN_INLINE void columns_to_points(const V (&x)[kPoints], V (&v)[kPoints]) {
  const V even = x[4] - 4.0f * x[2], odd = x[3] - 4.0f * x[1];
  const V even2 = x[4] - x[2], odd2 = 2.0f * (x[3] - x[1]);
  v[0] = 4.0f * x[0] - 5.0f * x[2] + x[4];
  v[1] = even + odd;
  v[2] = even - odd;
  v[3] = even2 + odd2;
  v[4] = even2 - odd2;
  v[5] = 4.0f * x[1] - 5.0f * x[3] + x[5];
}

// 24 times the values of three taps.
PYCNN_INLINE void taps_to_points(const V (&w)[kTaps], V (&u)[kPoints]) {
  const V outer = -4.0f * (w[0] + w[2]), near = -4.0f * w[1];
  const V far = w[0] + 4.0f * w[2], middle = 2.0f * w[1];
  u[0] = 6.0f * w[0];
  u[1] = outer + near;
  u[2] = outer - near;
  u[3] = far + middle;
  u[4] = far - middle;
  u[5] = 24.0f * w[2];
}

// 24 times the values of four gradients.
PYCNN_INLINE void gradients_to_points(const V (&g)[kTileColumns], V (&u)[kPoints]) {
  const V even = -4.0f * (g[0] + g[2]), odd = -4.0f * (g[1] + g[3]);
  const V even2 = g[0] + 4.0f * g[2], odd2 = 2.0f * g[1] + 8.0f * g[3];
  u[0] = 6.0f * g[0];
  u[1] = even + odd;
  u[2] = even - odd;
  u[3] = even2 + odd2;
  u[4] = even2 - odd2;
  u[5] = 24.0f * g[3];
}

// 24 times the four sums.
PYCNN_INLINE void points_to_columns(const V (&m)[kPoints], V (&y)[kTileColumns]) {
  const V near = m[1] + m[2], across = m[1] - m[2];
  const V far = m[3] + m[4], across2 = m[3] - m[4];
  y[0] = m[0] + near + far;
  y[1] = across + 2.0f * across2;
  y[2] = near + 4.0f * far;
  y[3] = across + 8.0f * across2 + m[5];
}

// 24 times the gradients of the three taps.
PYCNN_INLINE void points_to_taps(const V (&m)[kPoints], V (&w)[kTaps]) {
  const V near = m[1] + m[2], far = m[3] + m[4];
  w[0] = m[0] + near + far;
  w[1] = m[1] - m[2] + 2.0f * (m[3] - m[4]);
  w[2] = near + 4.0f * far + m[5];
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
