#pragma once
// A loop of multiply-adds in registers: the arithmetic peak that benchmarks compare with.

#include <cstdint>

namespace pycnn::cpu {

struct PeakKernels {
  // Does `rounds` rounds; returns the floating-point operations done. `sink` gets a result, so
  // that the compiler keeps the loop.
  std::int64_t (*multiply_adds)(std::int64_t rounds, float* sink);
};

}  // namespace pycnn::cpu
