#include "ops/cuda/precision.h"

#include <string>

#include "core/error.h"

namespace pycnn::cuda {

Precision parse_precision(std::string_view name) {
  for (const Precision p : {Precision::float32, Precision::tf32, Precision::bf16}) {
    if (name == precision_name(p)) return p;
  }
  throw ValueError("unknown precision '" + std::string(name) + "'; known: float32, tf32, bf16");
}

std::string_view precision_name(Precision precision) noexcept {
  switch (precision) {
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
    case Precision::float32:
      break;
  }
  return "float32";
}

}  // namespace pycnn::cuda
