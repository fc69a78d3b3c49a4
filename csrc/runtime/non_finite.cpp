#include "runtime/non_finite.h"

#include <cmath>

#include "core/error.h"

namespace pycnn {

void throw_non_finite(double loss, const std::string& where) {
  const std::string what = std::isfinite(loss) ? "the loss is finite, its gradient is not"
                           : std::isnan(loss)  // a NaN may have a sign, which says nothing
                               ? "the loss is nan"
                               : "the loss is " + std::to_string(loss);
  throw FloatingPointError(what + ": " + where +
                           " (a smaller learning rate or scaled inputs may help)");
}

}  // namespace pycnn
