#include "core/philox.h"

#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "core/error.h"

namespace pycnn {

namespace {

constexpr std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }

constexpr std::uint64_t join(std::uint32_t low_word, std::uint32_t high_word) {
  return std::uint64_t{high_word} << 32 | low_word;
}

// 64-bit words of one stream, in order.
class WordStream {
 public:
  WordStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  std::uint64_t next() {
    if (half_ == 0) block_ = philox(seed_, stream_, index_++);
    const std::uint64_t word = join(block_[2 * half_], block_[2 * half_ + 1]);
    half_ ^= 1;
    return word;
  }

  // Uniform in [0, bound). The last, incomplete run of `bound` values is drawn again: without that
  // small values would come too often.
  std::uint64_t below(std::uint64_t bound) {
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    while (true) {
      const std::uint64_t word = next();
      const std::uint64_t value = word % bound;
      if (word - value <= kLast - (bound - 1)) return value;
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t index_ = 0;
  PhiloxBlock block_{};
  std::size_t half_ = 0;
};

// The process-wide source of models' seeds.
struct SeedSource {
  std::mutex mutex;
  std::optional<std::uint64_t> seed;
  std::uint64_t drawn = 0;
};

SeedSource& seed_source() {
  static SeedSource source;
  return source;
}

std::uint64_t system_seed() {
  std::random_device device;
  const std::uint32_t low_word = device();
  return join(low_word, device());
}

}  // namespace

PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t product0 = kPhiloxMultiplier0 * counter[0];
    const std::uint64_t product1 = kPhiloxMultiplier1 * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1),
               high(product0) ^ counter[3] ^ key[1], low(product0)};
    key[0] += kPhiloxWeyl0;
    key[1] += kPhiloxWeyl1;
  }
  return counter;
}

PhiloxBlock philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) noexcept {
  return philox4x32({low(index), high(index), low(stream), high(stream)}, {low(seed), high(seed)});
}

float to_unit_float(std::uint32_t word) noexcept {
  return static_cast<float>(word >> 8) * 0x1p-24F;  // 24 bits: every result is exact and below 1
}

std::vector<std::int64_t> random_permutation(std::int64_t count, std::uint64_t seed,
                                             std::uint64_t stream) {
  if (count < 0) {
    throw ValueError("a permutation needs a count of at least 0; received " +
                     std::to_string(count));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  WordStream words(seed, stream);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[words.below(i)]);
  }
  return order;
}

void set_random_seed(std::uint64_t seed) {
  SeedSource& source = seed_source();
  const std::lock_guard lock(source.mutex);
  source.seed = seed;
  source.drawn = 0;
}

std::uint64_t next_seed() {
  // A stream of its own, far from the small numbers that parameters and epochs count with.
  constexpr std::uint64_t kSeedStream = std::numeric_limits<std::uint64_t>::max();
  SeedSource& source = seed_source();
  const std::lock_guard lock(source.mutex);
  if (!source.seed) source.seed = system_seed();
  const PhiloxBlock block = philox(*source.seed, kSeedStream, source.drawn++);
  return join(block[0], block[1]);
}

}  // namespace pycnn
