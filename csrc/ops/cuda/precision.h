#pragma once
// In which numbers convolutions and dense layers multiply on the GPU. The operands of their
// products are rounded to it; sums, and everything else, stay in float32.

#include <atomic>
#include <string_view>

namespace pycnn::cuda {

enum class Precision {
  float32,  // 24 bits of mantissa; the CPU's bounds of error hold
  tf32,     // 11 bits; tensor cores
  bf16,     // 8 bits; tensor cores
};

// Of the whole process. It is read when a run of steps, or a batch, begins, and holds to its end.
// GPUs before compute capability 8.0 have tensor cores for neither of the two: they stay with
// float32.
inline std::atomic<Precision>& float32_precision_setting() {
  static std::atomic<Precision> setting{Precision::float32};
  return setting;
}

inline void set_float32_precision(Precision precision) { float32_precision_setting() = precision; }
inline Precision float32_precision() { return float32_precision_setting(); }

// "float32", "tf32", "bf16"; ValueError for another name.
Precision parse_precision(std::string_view name);
std::string_view precision_name(Precision precision) noexcept;

}  // namespace pycnn::cuda
