#include "ops/local_response_norm.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/format.h"

namespace pycnn {

void check_local_response_norm(const LocalResponseNormOptions& options, const std::string& who) {
  if (options.n < 1) {
    throw ValueError(who + " n must be at least 1; got " + std::to_string(options.n));
  }
  if (!(std::isnormal(options.k) && options.k > 0.0f)) {
    throw ValueError(who + " k must be positive; got " + format(options.k));
  }
  if (!(std::isfinite(options.alpha) && options.alpha >= 0.0f)) {
    throw ValueError(who + " alpha must be finite and not negative; got " + format(options.alpha));
  }
  if (!std::isfinite(options.beta)) {
    throw ValueError(who + " beta must be finite; got " + format(options.beta));
  }
}

cpu::LocalResponseNormGeometry local_response_norm_geometry(
    const Shape& input, const LocalResponseNormOptions& options) {
  const std::int64_t channels = input.back();
  return {static_cast<int>(std::min(options.n / 2, channels)),
          static_cast<int>(std::min((options.n - 1) / 2, channels)), options.k, options.alpha,
          options.beta};
}

}  // namespace pycnn
