#pragma once

#include <math.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "block.h"

// The functions that kernels call, with CUDA's names.

#define PYCNN_HERE pycnn::emulator::Place place = pycnn::emulator::Place::here()

inline void __syncthreads(PYCNN_HERE) {
  pycnn::emulator::wait_for_others({"__syncthreads", place});
}

inline int __syncthreads_count(int predicate, PYCNN_HERE) {
  return pycnn::emulator::wait_for_others({"__syncthreads_count", place, 0, predicate != 0}).count;
}

inline int __syncthreads_or(int predicate, PYCNN_HERE) {
  return pycnn::emulator::wait_for_others({"__syncthreads_or", place, 0, predicate != 0}).count > 0;
}

inline int __syncthreads_and(int predicate, PYCNN_HERE) {
  const auto reply =
      pycnn::emulator::wait_for_others({"__syncthreads_and", place, 0, predicate != 0});
  return reply.count == reply.threads;
}

namespace pycnn::emulator {

// A mask of no lanes must not pass for the whole block.
inline Reply wait_for_lanes(const Request& request) {
  if (request.lanes == 0) fail("the mask is empty", request.place);
  return wait_for_others(request);
}

template <class T>
T shuffle(const char* what, unsigned mask, T value, unsigned source, const Place& place) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = wait_for_lanes({what, place, mask, false, source, bits}).value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

// The first lane of the caller's segment of `width` lanes.
inline int segment(int width, const Place& place) {
  if (width < 1 || width > warpSize || !std::has_single_bit(static_cast<unsigned>(width))) {
    fail("the width of a shuffle must be 1, 2, 4, 8, 16 or 32", place);
  }
  return static_cast<int>(lane()) & ~(width - 1);
}

}  // namespace pycnn::emulator

inline void __syncwarp(unsigned mask = ~0U, PYCNN_HERE) {
  pycnn::emulator::wait_for_lanes({"__syncwarp", place, mask});
}

inline unsigned __ballot_sync(unsigned mask, int predicate, PYCNN_HERE) {
  return pycnn::emulator::wait_for_lanes({"__ballot_sync", place, mask, predicate != 0}).ballot;
}

inline int __any_sync(unsigned mask, int predicate, PYCNN_HERE) {
  return pycnn::emulator::wait_for_lanes({"__any_sync", place, mask, predicate != 0}).count > 0;
}

inline int __all_sync(unsigned mask, int predicate, PYCNN_HERE) {
  const auto reply = pycnn::emulator::wait_for_lanes({"__all_sync", place, mask, predicate != 0});
  return reply.count == reply.threads;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = warpSize, PYCNN_HERE) {
  const int source = pycnn::emulator::segment(width, place) | (lane & (width - 1));
  return pycnn::emulator::shuffle("__shfl_sync", mask, value, static_cast<unsigned>(source), place);
}

// The others leave the value as it is where the source is outside the segment.
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, PYCNN_HERE) {
  const unsigned self = pycnn::emulator::lane();
  const unsigned first = static_cast<unsigned>(pycnn::emulator::segment(width, place));
  const unsigned source = self - first >= delta ? self - delta : self;
  return pycnn::emulator::shuffle("__shfl_up_sync", mask, value, source, place);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, PYCNN_HERE) {
  const unsigned self = pycnn::emulator::lane();
  const unsigned end = static_cast<unsigned>(pycnn::emulator::segment(width, place) + width);
  const unsigned source = delta < end - self ? self + delta : self;
  return pycnn::emulator::shuffle("__shfl_down_sync", mask, value, source, place);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize, PYCNN_HERE) {
  const int self = static_cast<int>(pycnn::emulator::lane());
  const int source = self ^ lanes;
  const bool inside = source < pycnn::emulator::segment(width, place) + width;
  return pycnn::emulator::shuffle("__shfl_xor_sync", mask, value,
                                  static_cast<unsigned>(inside ? source : self), place);
}

#undef PYCNN_HERE

// Threads change only where they wait, so a plain read and write is atomic.
namespace pycnn::emulator {

template <class T, class Update>
T update(T* address, Update next) {
  const T old = *address;
  *address = next(old);
  return old;
}

}  // namespace pycnn::emulator

#define PYCNN_ATOMIC(name, expression)                                                   \
  template <class T>                                                                     \
  T name(T* address, std::type_identity_t<T> value) {                                    \
    return pycnn::emulator::update(address, [value](T old) -> T { return expression; }); \
  }
PYCNN_ATOMIC(atomicAdd, old + value)
PYCNN_ATOMIC(atomicMax, old < value ? value : old)
PYCNN_ATOMIC(atomicMin, value < old ? value : old)
PYCNN_ATOMIC(atomicOr, old | value)
PYCNN_ATOMIC(atomicAnd, old& value)
PYCNN_ATOMIC(atomicExch, (static_cast<void>(old), value))
#undef PYCNN_ATOMIC

template <class T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
  return pycnn::emulator::update(address, [=](T old) { return old == compare ? value : old; });
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void cudaGridDependencySynchronize() {}
inline void cudaTriggerProgrammaticLaunchCompletion() {}

template <class T>
T __ldg(const T* address) {
  return *address;
}

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(std::uint64_t{x} * y >> 32);
}
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }

inline float rsqrtf(float x) { return 1.0F / sqrtf(x); }
inline float __fdividef(float x, float y) { return x / y; }
// Macros, since the C library declares functions of these names.
#define __expf expf
#define __logf logf
#define __powf powf

template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
// These two give the number when the other is NaN.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
