#include "ops/dropout.h"

#include "core/philox.h"
#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

u32 low(u64 word) { return static_cast<u32>(word); }
u32 high(u64 word) { return static_cast<u32>(word >> 32); }

// Philox4x32-10 as in core/philox.cpp, of one counter per lane. The rounds are written for one
// lane and unrolled, which leaves the loop over lanes for the compiler to vectorize.
PYCNN_INLINE void philox_lanes(u64 seed, u64 stream, const u64* index, u32 (*words)[kLanes]) {
  for (int l = 0; l < kLanes; ++l) {
    u32 c0 = low(index[l]), c1 = high(index[l]), c2 = low(stream), c3 = high(stream);
    u32 k0 = low(seed), k1 = high(seed);
    PYCNN_UNROLL
    for (int round = 0; round < kPhiloxRounds; ++round) {
      const u64 product0 = kPhiloxMultiplier0 * c0, product1 = kPhiloxMultiplier1 * c2;
      c0 = high(product1) ^ c1 ^ k0;
      c1 = low(product1);
      c2 = high(product0) ^ c3 ^ k1;
      c3 = low(product0);
      k0 += kPhiloxWeyl0;
      k1 += kPhiloxWeyl1;
    }
    words[0][l] = c0;
    words[1][l] = c1;
    words[2][l] = c2;
    words[3][l] = c3;
  }
}

void mask(u64 seed, u64 stream, std::int64_t first_image, std::int64_t elements, u32 threshold,
          std::uint8_t* out) {
  const std::int64_t groups = (elements + 3) / 4;
  u64 index[kLanes];
  for (int l = 0; l < kLanes; ++l) index[l] = static_cast<u64>((first_image + l) * groups);
  for (std::int64_t group = 0; group < groups; ++group) {
    u32 words[4][kLanes];
    philox_lanes(seed, stream, index, words);
    const std::int64_t left = elements - group * 4;
    const int count = left < 4 ? static_cast<int>(left) : 4;
    for (int i = 0; i < count; ++i) {
      for (int l = 0; l < kLanes; ++l) *out++ = words[i][l] >= threshold ? 1 : 0;
    }
    for (int l = 0; l < kLanes; ++l) ++index[l];
  }
}

void apply(const std::uint8_t* mask, float scale, ConstView x, View y) {
  const std::int64_t size = y.row_size();
  for (int h = 0; h < y.height; ++h) {
    const float* xr = x.at(h, 0);
    float* yr = y.at(h, 0);
    const std::uint8_t* mr = mask + h * size;
    for (std::int64_t i = 0; i < size; i += W) {
      // Chosen, not multiplied by 0: an infinity that is dropped is gone.
      store(yr + i, load_bytes(mr + i) != 0 ? load(xr + i) * scale : V{});
    }
  }
}

}  // namespace

extern const DropoutKernels dropout_kernels;
const DropoutKernels dropout_kernels{mask, apply};

}  // namespace pycnn::cpu::PYCNN_ISA
