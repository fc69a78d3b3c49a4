#include "graph/initializer.h"

#include <cmath>
#include <string>

#include "core/error.h"
#include "core/philox.h"

namespace pycnn {
namespace {

struct Fans {
  double in = 1, out = 1;
};

Fans fans(const Shape& shape) {
  if (shape.empty()) return {};
  if (shape.size() == 1) return {double(shape[0]), double(shape[0])};
  double receptive = 1;
  for (std::size_t i = 0; i + 2 < shape.size(); ++i) receptive *= double(shape[i]);
  return {receptive * double(shape[shape.size() - 2]), receptive * double(shape.back())};
}

double variance(Initializer kind, Fans fan) {
  const bool he = kind == Initializer::he_uniform || kind == Initializer::he_normal;
  return he ? 2.0 / fan.in : 2.0 / (fan.in + fan.out);
}

// Standard deviation of the unit normal cut off at +-2.
constexpr double kTruncatedDeviation = 0.87962566103423978;
constexpr double kTwoPi = 6.283185307179586;

// A unit normal number in (-2, 2): Box and Muller's transform, drawn again while it is outside.
double truncated_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  // Attempts of one element take their words from streams of their own.
  for (std::uint64_t attempt = 0;; ++attempt) {
    const PhiloxBlock words = philox(seed, stream + (attempt << 32), index);
    const double radius = std::sqrt(-2.0 * std::log(1.0 - double(to_unit_float(words[0]))));
    const double value = radius * std::cos(kTwoPi * double(to_unit_float(words[1])));
    if (std::fabs(value) < 2.0) return value;
  }
}

}  // namespace

Initializer parse_initializer(std::string_view name) {
  if (name == "zeros") return Initializer::zeros;
  if (name == "ones") return Initializer::ones;
  if (name == "glorot_uniform") return Initializer::glorot_uniform;
  if (name == "glorot_normal") return Initializer::glorot_normal;
  if (name == "he_uniform") return Initializer::he_uniform;
  if (name == "he_normal") return Initializer::he_normal;
  throw ValueError("unknown initializer '" + std::string(name) +
                   "'; known: zeros, ones, glorot_uniform, glorot_normal, he_uniform, he_normal");
}

void initialize(float* values, const Shape& shape, Initializer kind, std::uint64_t seed,
                std::uint64_t stream) {
  initialize(values, shape, kind, seed, stream, 0, element_count(shape));
}

void initialize(float* values, const Shape& shape, Initializer kind, std::uint64_t seed,
                std::uint64_t stream, std::int64_t begin, std::int64_t end) {
  const bool constant = kind == Initializer::zeros || kind == Initializer::ones;
  const double v = constant ? 0.0 : variance(kind, fans(shape));
  const double limit = std::sqrt(3.0 * v);
  const double deviation = std::sqrt(v) / kTruncatedDeviation;
  for (std::int64_t i = begin; i < end; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    switch (kind) {
      case Initializer::zeros:
        values[i] = 0.0f;
        break;
      case Initializer::ones:
        values[i] = 1.0f;
        break;
      case Initializer::glorot_uniform:
      case Initializer::he_uniform:
        values[i] =
            float(limit * (2.0 * double(to_unit_float(philox(seed, stream, index)[0])) - 1.0));
        break;
      case Initializer::glorot_normal:
      case Initializer::he_normal:
        values[i] = float(deviation * truncated_normal(seed, stream, index));
        break;
    }
  }
}

}  // namespace pycnn
