#pragma once
// exp for vectors. Range reduction by powers of two and a polynomial for the rest; the
// coefficients are the Taylor series of e^r on |r| <= ln(2)/2, whose error at degree 7 is under
// 2^-26 relative.

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {

PYCNN_INLINE V min(V a, V b) { return a < b ? a : b; }
PYCNN_INLINE V max(V a, V b) { return a > b ? a : b; }

// Lane by lane: there is no operator for it; compilers make one instruction of this.
PYCNN_INLINE V sqrt(V v) {
  V root{};
  PYCNN_UNROLL
  for (int l = 0; l < W; ++l) root[l] = __builtin_sqrtf(v[l]);
  return root;
}

// Relative error about 1e-7; 0 below -103, infinity above 88.72; NaN gives NaN.
PYCNN_INLINE V exp(V x) {
  const V clamped = max(min(x, splat(89.0f)), splat(-104.0f));
  // n = round(x / ln 2): adding 1.5 * 2^23 leaves the nearest integer in the low mantissa bits.
  const V shifter = splat(12582912.0f);
  const V n = (clamped * 1.44269504f + shifter) - shifter;
  // ln 2 in two parts, the first short enough that n times it is exact.
  V r = clamped - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  V p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // 2^n in two factors, since n runs from -150 to 128 and a float's exponent does not.
  const VI ni = __builtin_convertvector(n, VI);
  const VI half = ni >> 1;
  const V scale1 = as_float((half + 127) << 23);
  const V scale2 = as_float((ni - half + 127) << 23);
  const V y = p * scale1 * scale2;
  return x == x ? y : x;
}

}  // namespace pycnn::cpu::PYCNN_ISA
