#pragma once
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a
// counter-based generator. A number depends on (seed, stream, index) alone, so any thread or
// device that asks for it gets the same one.

#include <array>
#include <cstdint>
#include <vector>

namespace pycnn {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// The streams of a model's seed. Initial weights count from 0, one stream for each parameter;
// whatever else is random begins far from there and from each other.
inline constexpr std::uint64_t kShuffleStreams = std::uint64_t{1} << 63;  // + epoch
inline constexpr std::uint64_t kDropoutStreams = std::uint64_t{1} << 62;  // + node * 2^40 + step
inline constexpr std::uint64_t kAugmentStreams = std::uint64_t{1} << 61;  // + node * 2^40 + step

// Constants of Philox4x32 in the paper: two round multipliers and two Weyl increments of the key
// (the golden ratio and sqrt(3) - 1, scaled to 32 bits).
inline constexpr std::uint64_t kPhiloxMultiplier0 = 0xD2511F53;
inline constexpr std::uint64_t kPhiloxMultiplier1 = 0xCD9E8D57;
inline constexpr std::uint32_t kPhiloxWeyl0 = 0x9E3779B9;
inline constexpr std::uint32_t kPhiloxWeyl1 = 0xBB67AE85;
inline constexpr int kPhiloxRounds = 10;

// The raw generator: key = (k0, k1), counter = (c0..c3).
PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) noexcept;

// Four words for `index` of `stream` under `seed`.
PhiloxBlock philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) noexcept;

// Uniform in [0, 1) with 24 random bits.
float to_unit_float(std::uint32_t word) noexcept;

// Random order of 0..count-1 (Fisher-Yates over stream `stream`).
std::vector<std::int64_t> random_permutation(std::int64_t count, std::uint64_t seed,
                                             std::uint64_t stream);

// The process-wide seed: what `pycnn.set_random_seed` sets. Every model takes its own seed from
// it by next_seed(); without a call to set_random_seed the first one comes from the system.
void set_random_seed(std::uint64_t seed);
std::uint64_t next_seed();

}  // namespace pycnn
