#pragma once
// The vector of a gradient that lies in partial sums.

#include "ops/cpu/simd.h"
#include "ops/gradient.h"

namespace pycnn::cpu::PYCNN_ISA {

PYCNN_INLINE V sum_partials(const PartialSums& partials, std::int64_t i) {
  V g = load(partials.first + i);
  for (int p = 1; p < partials.count; ++p) g += load(partials.first + p * partials.stride + i);
  return g;
}

}  // namespace pycnn::cpu::PYCNN_ISA
