#pragma once
// Winograd's minimal filtering along the rows (Lavin and Gray 2016, "Fast algorithms for
// convolutional neural networks"): a row of outputs in tiles, each from six columns of the input.
//
// A product of polynomials with 3 and 4 coefficients is known by its values at six points, which
// take one multiplication each (Toom and Cook). That algorithm transposed makes 4 outputs of 3 taps
// from six columns, with 6 multiplications instead of 12; or 2 outputs of 5 taps, which would
// have 10. The points are 0, 1, -1, 2, -2 and infinity. The rows and channels of a sum are added up
// point by point, so that the way back is gone once for all of them. The taps' values are scaled by
// 24, which makes all factors integers, and the sums by 1/24.
//
// Rounding errors of 3 taps are up to twice those of the plain sum, with many channels no larger;
// of 5 taps 2.5 times with one channel, 1.5 with many (root mean square; three times at most). But
// they are of the size of all that a tile sees: a sum of zeros is not always 0. What is infinite or
// NaN reaches the whole tile, and from about 1e36 on the factors overflow.
//
// The gradient of 3 taps is the same with the 4 gradients of a tile in the place of the taps.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA::winograd {

inline constexpr int kPoints = 6;  // and columns
inline constexpr int kTaps = 3;
inline constexpr int kTileColumns = 4;
inline constexpr int kLongTaps = 5;
inline constexpr int kLongTileColumns = 2;
inline constexpr float kScale = 24.0f;

// What the points get of six columns.
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

// The same for tiles of two columns one after the other, which share columns and sums.
class TileColumns {
 public:
  PYCNN_INLINE TileColumns(V x0, V x1, V x2, V x3)
      : x1_(x1), x2_(x2), x3_(x3), even_(x2 - 4.0f * x0), odd_(x3 - 4.0f * x1) {}

  // Takes the next two columns and gives the tile's points; then on to the next tile.
  PYCNN_INLINE void next_points(V x4, V x5, V (&v)[kPoints]) {
    const V even = x4 - 4.0f * x2_, odd = x5 - 4.0f * x3_;
    const V even2 = x4 - x2_, odd2 = 2.0f * (x3_ - x1_);
    v[0] = even - even_;
    v[1] = even + odd_;
    v[2] = even - odd_;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = odd - odd_;
    x1_ = x3_;
    x2_ = x4;
    x3_ = x5;
    even_ = even;
    odd_ = odd;
  }

 private:
  V x1_, x2_, x3_, even_, odd_;
};

// 24 times the values of three taps at the points.
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

// The same of five taps.
PYCNN_INLINE void taps_to_points(const V (&w)[kLongTaps], V (&u)[kPoints]) {
  const V even = w[0] + w[2] + w[4], odd = w[1] + w[3];
  const V even2 = w[0] + 4.0f * w[2] + 16.0f * w[4], odd2 = 2.0f * w[1] + 8.0f * w[3];
  u[0] = 6.0f * w[0];
  u[1] = -4.0f * (even + odd);
  u[2] = -4.0f * (even - odd);
  u[3] = even2 + odd2;
  u[4] = even2 - odd2;
  u[5] = 24.0f * w[4];
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

// 24 times the two sums of five taps.
PYCNN_INLINE void points_to_columns(const V (&m)[kPoints], V (&y)[kLongTileColumns]) {
  y[0] = m[0] + (m[1] + m[2]) + (m[3] + m[4]);
  y[1] = (m[1] - m[2]) + 2.0f * (m[3] - m[4]) + m[5];
}

// 24 times the gradients of the three taps.
PYCNN_INLINE void points_to_taps(const V (&m)[kPoints], V (&w)[kTaps]) {
  const V near = m[1] + m[2], far = m[3] + m[4];
  w[0] = m[0] + near + far;
  w[1] = m[1] - m[2] + 2.0f * (m[3] - m[4]);
  w[2] = near + 4.0f * far + m[5];
}

}  // namespace pycnn::cpu::PYCNN_ISA::winograd
