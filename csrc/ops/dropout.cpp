#include "ops/dropout.h"

#include "core/error.h"
#include "core/format.h"
#include "core/philox.h"

namespace pycnn {

void check_dropout(const DropoutOptions& options, const std::string& who) {
  if (!(options.rate >= 0.0f && options.rate < 1.0f)) {
    throw ValueError(who + " rate must be at least 0 and below 1; got " + format(options.rate));
  }
}

float dropout_scale(const DropoutOptions& options) {
  return static_cast<float>(1.0 / (1.0 - double(options.rate)));
}

std::uint32_t dropout_threshold(const DropoutOptions& options) {
  return static_cast<std::uint32_t>(double(options.rate) * 0x1p32);
}

std::uint64_t dropout_stream(int layer, std::uint64_t step) {
  return kDropoutStreams + (static_cast<std::uint64_t>(layer) << 40) + step;
}

}  // namespace pycnn
