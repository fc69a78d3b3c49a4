#pragma once
// Philox4x32-10 on the device: the words of core/philox.cpp.

#include "core/philox.h"
#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

struct PhiloxWords {
  std::uint32_t word[4];
};

__device__ __forceinline__ PhiloxWords philox(std::uint64_t seed, std::uint64_t stream,
                                              std::uint64_t index) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  PhiloxWords c{{low(index), high(index), low(stream), high(stream)}};
  std::uint32_t key0 = low(seed), key1 = high(seed);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t product0 = kPhiloxMultiplier0 * c.word[0];
    const std::uint64_t product1 = kPhiloxMultiplier1 * c.word[2];
    c = {{high(product1) ^ c.word[1] ^ key0, low(product1), high(product0) ^ c.word[3] ^ key1,
          low(product0)}};
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return c;
}

}  // namespace pycnn::cuda
