#pragma once
// Portable vectors for the CPU kernels: GCC's and Clang's vector extensions in the width that this
// build's instruction set has. A kernel runs once for every group of W of the 16 lanes.
// This file alone looks at the compiler's target.

#include <cstdint>
#include <utility>

#include "ops/cpu/block.h"

// PYCNN_SHUFFLE: lane i of the result is lane n of a and b, one after the other, n being the i-th
// number that follows them.
#if defined(__clang__)
#define PYCNN_UNROLL _Pragma("clang loop unroll(full)")
#define PYCNN_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PYCNN_UNROLL _Pragma("GCC unroll 64")
#define PYCNN_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, VI{__VA_ARGS__})
#endif

namespace pycnn::cpu::PYCNN_ISA {

#if defined(__AVX512F__)
inline constexpr int W = 16;
#elif defined(__AVX2__)
inline constexpr int W = 8;
#else
inline constexpr int W = 4;
#endif

// How many accumulators fit beside operands in the registers.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kAccumulators = 24;
#else
inline constexpr int kAccumulators = 12;
#endif

static_assert(kLanes % W == 0);

typedef float V __attribute__((vector_size(W * 4), may_alias));
typedef std::int32_t VI __attribute__((vector_size(W * 4), may_alias));
typedef std::uint8_t VB __attribute__((vector_size(W), may_alias));
typedef std::uint16_t VH __attribute__((vector_size(W * 2), may_alias));
typedef float UnalignedV __attribute__((vector_size(W * 4), may_alias, aligned(4)));
typedef std::uint8_t UnalignedVB __attribute__((vector_size(W), may_alias, aligned(1)));

PYCNN_INLINE V load(const float* p) { return *reinterpret_cast<const V*>(p); }
PYCNN_INLINE void store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }
PYCNN_INLINE V load_unaligned(const float* p) { return *reinterpret_cast<const UnalignedV*>(p); }
PYCNN_INLINE void store_unaligned(float* p, V v) { *reinterpret_cast<UnalignedV*>(p) = v; }

// Says that v is in a register from here on, whatever the compiler knows about where it came from.
template <typename Vector>
PYCNN_INLINE void keep_in_register(Vector& v) {
#if defined(__x86_64__)
  asm("" : "+v"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
}

// In two steps: GCC 12 makes of one step a move for each byte, but where one instruction does it
// all.
PYCNN_INLINE VI load_bytes(const std::uint8_t* p) {
  const VH halves = __builtin_convertvector(*reinterpret_cast<const UnalignedVB*>(p), VH);
  return __builtin_convertvector(halves, VI);
}
// With 16 lanes there is an instruction for it; in two steps otherwise, as above.
PYCNN_INLINE void store_bytes(std::uint8_t* p, VI v) {
  UnalignedVB& to = *reinterpret_cast<UnalignedVB*>(p);
  if constexpr (W == kLanes) {
    keep_in_register(v);  // behind a shuffle GCC 12 makes a move for each byte
    to = __builtin_convertvector(v, VB);
  } else {
    to = __builtin_convertvector(__builtin_convertvector(v, VH), VB);
  }
}

PYCNN_INLINE V splat(float x) { return x - V{}; }  // x + 0 would have to be computed: -0 + 0 is 0
PYCNN_INLINE VI splat_int(std::int32_t x) { return VI{} + x; }

PYCNN_INLINE void clear(float* p, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += W) store(p + i, V{});
}

// NaN in v passes through.
PYCNN_INLINE V relu(V v) { return v < V{} ? V{} : v; }
// The gradient in front of it, from the one behind it and either its input or its output.
PYCNN_INLINE V relu_gradient(V dy, V y) { return y > V{} ? dy : V{}; }

// The lanes from `From` on, then those before.
template <int From, int... Lane>
PYCNN_INLINE V rotate(V v, std::integer_sequence<int, Lane...>) {
  return PYCNN_SHUFFLE(v, v, ((Lane + From) % W)...);
}

// Sum of the lanes in a fixed order: a tree, so that it is short and rounds little.
template <int Width = W / 2>
PYCNN_INLINE float sum_lanes(V v) {
  v += rotate<Width>(v, std::make_integer_sequence<int, W>());
  if constexpr (Width > 1) return sum_lanes<Width / 2>(v);
  return v[0];
}

// Bits of v as integers and back.
PYCNN_INLINE VI as_int(V v) { return reinterpret_cast<VI>(v); }
PYCNN_INLINE V as_float(VI v) { return reinterpret_cast<V>(v); }

// Splits `total` into the fewest parts of at most `most`, as equal as can be: part i has
// size(i) = base or base + 1 elements.
struct Split {
  int parts, base, larger;
  Split(int total, int most)
      : parts((total + most - 1) / most), base(total / parts), larger(total % parts) {}
  int size(int i) const { return base + (i < larger ? 1 : 0); }
};

}  // namespace pycnn::cpu::PYCNN_ISA
