#pragma once
// Elementary functions for vectors: range reduction, and for the rest a polynomial, whose
// coefficients are those of the Taylor series.

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

// The Taylor series of e^r on |r| <= ln(2)/2 is exact to 2^-26 at degree 7.
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

// e^x - 1, by its own series near 0, where the difference would cancel. Relative error about 3e-7.
PYCNN_INLINE V expm1(V x) {
  V p = splat(1.0f / 5040);
  p = p * x + 1.0f / 720;
  p = p * x + 1.0f / 120;
  p = p * x + 1.0f / 24;
  p = p * x + 1.0f / 6;
  p = p * x + 0.5f;
  const V small = x + x * x * p;
  const V a = x < V{} ? -x : x;
  return a < splat(0.34f) ? small : exp(x) - 1.0f;
}

// For positive normal numbers; infinity and NaN pass through. Error about 1e-7 of |log x|, near 1
// of |x - 1|.
PYCNN_INLINE V log(V x) {
  // x = 2^n m with m from sqrt(1/2) to sqrt(2): the bits of sqrt(1/2) are the origin of counting.
  const VI shifted = as_int(x) - 0x3f3504f3;
  const VI n = shifted >> 23;
  const V m = as_float((shifted & 0x007fffff) + 0x3f3504f3);
  // log m = 2 artanh s, s = (m - 1) / (m + 1), |s| < 0.172.
  const V f = m - 1.0f;
  const V s = f / (m + 1.0f);
  const V q = s * s;
  V p = splat(1.0f / 9);
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  // 2 s = f - f s: so the leading term is f, which is exact.
  const V tail = s * (2.0f * q * p - f);
  const V nf = __builtin_convertvector(n, V);
  const V y = nf * 0.693359375f + (f + (tail + nf * -2.12194440e-4f));
  return x < splat(__builtin_inff()) ? y : x;
}

}  // namespace pycnn::cpu::PYCNN_ISA
