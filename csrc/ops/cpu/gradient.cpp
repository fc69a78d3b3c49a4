#include "ops/gradient.h"

#include "ops/cpu/partial_sums.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// Sums in double, one per lane: squares of large gradients must not overflow, their norm is what
// makes them small.
struct DoubleSum {
  double part[W] = {};

  PYCNN_INLINE void add_squares(V v) {
    PYCNN_UNROLL
    for (int l = 0; l < W; ++l) part[l] += double(v[l]) * double(v[l]);
  }
  PYCNN_INLINE void add_magnitudes(V v) {
    PYCNN_UNROLL
    for (int l = 0; l < W; ++l) part[l] += double(v[l] < 0.0f ? -v[l] : v[l]);
  }
  PYCNN_INLINE double total() const {
    double sum = 0;
    for (int l = 0; l < W; ++l) sum += part[l];
    return sum;
  }
};

double penalty(const Penalty& penalty, const float* parameters, std::int64_t size) {
  DoubleSum squares, magnitudes;
  for (std::int64_t i = 0; i < size; i += W) {
    const V w = load(parameters + i);
    squares.add_squares(w);
    magnitudes.add_magnitudes(w);
  }
  return double(penalty.l1) * magnitudes.total() + double(penalty.l2) * squares.total();
}

double collect(const PartialSums& partials, const Penalty& penalty, const float* parameters,
               std::int64_t size, float* gradient) {
  DoubleSum squares;
  const bool penalized = penalty.l1 != 0.0f || penalty.l2 != 0.0f;
  const V l1 = splat(penalty.l1);
  const float twice_l2 = 2.0f * penalty.l2;
  for (std::int64_t i = 0; i < size; i += W) {
    V g = sum_partials(partials, i);
    if (penalized) {
      const V w = load(parameters + i);
      g = g + w * twice_l2 + (w > V{} ? l1 : w < V{} ? -l1 : V{});
    }
    store(gradient + i, g);
    squares.add_squares(g);
  }
  return squares.total();
}

void scale(float* gradient, std::int64_t size, float factor) {
  for (std::int64_t i = 0; i < size; i += W) store(gradient + i, load(gradient + i) * factor);
}

bool finite(const float* gradient, std::int64_t size) {
  const VI exponent = splat_int(0x7f800000);  // all ones in infinities and NaN alone
  VI found{};
  for (std::int64_t i = 0; i < size; i += W) {
    found |= (as_int(load(gradient + i)) & exponent) == exponent;
  }
  for (int l = 0; l < W; ++l) {
    if (found[l] != 0) return false;
  }
  return true;
}

void clip(float* gradient, std::int64_t size, float limit) {
  const V most = splat(limit), least = splat(-limit);
  for (std::int64_t i = 0; i < size; i += W) {
    const V g = load(gradient + i);
    store(gradient + i, g > most ? most : g < least ? least : g);
  }
}

}  // namespace

extern const GradientKernels gradient_kernels;
const GradientKernels gradient_kernels{penalty, collect, scale, finite, clip};

}  // namespace pycnn::cpu::PYCNN_ISA
