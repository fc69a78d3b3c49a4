#include "ops/peak.h"

#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// As many independent chains as the other kernels keep in registers.
std::int64_t multiply_adds(std::int64_t rounds, float* sink) {
  V acc[1][kAccumulators];
  PYCNN_UNROLL
  for (int i = 0; i < kAccumulators; ++i) acc[0][i] = splat(1.0f + static_cast<float>(i));
  const V factor = splat(*sink), term = splat(*sink * 0.5f);
  for (std::int64_t r = 0; r < rounds; ++r) {
    PYCNN_UNROLL
    for (int i = 0; i < kAccumulators; ++i) acc[0][i] = acc[0][i] * factor + term;
  }
  V sum{};
  PYCNN_UNROLL
  for (int i = 0; i < kAccumulators; ++i) sum += acc[0][i];
  *sink = sum_lanes(sum);
  return rounds * kAccumulators * W * 2;
}

}  // namespace

extern const PeakKernels peak_kernels;
const PeakKernels peak_kernels{multiply_adds};

}  // namespace pycnn::cpu::PYCNN_ISA
