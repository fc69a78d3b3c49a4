#pragma once
// Division by a number that all threads share, as a product and a shift: a GPU has no instruction
// for integer division, which takes some twenty others.
// T. Granlund and P. L. Montgomery, Division by Invariant Integers using Multiplication, 1994.

#include <cstdint>

#include "cuda/cuda.h"

namespace pycnn::cuda {

class Divider {
 public:
  Divider() = default;  // by 1
  // From 1 to 2^31 - 1.
  __host__ __device__ explicit Divider(unsigned divisor) : divisor_(divisor) {
    while (1u << (shift_ - 31) < divisor) ++shift_;
    factor_ = static_cast<unsigned>(((std::uint64_t{1} << shift_) + divisor - 1) / divisor);
  }

  // For n below 2^31; for others it is some number.
  __device__ __forceinline__ unsigned quotient(unsigned n) const {
    return static_cast<unsigned>(std::uint64_t{n} * factor_ >> shift_);
  }
  __device__ __forceinline__ unsigned remainder(unsigned n) const {
    return n - quotient(n) * divisor_;
  }
  // Gives the remainder and leaves the quotient in n.
  __device__ __forceinline__ unsigned split(unsigned& n) const {
    const unsigned q = quotient(n), r = n - q * divisor_;
    n = q;
    return r;
  }

 private:
  unsigned divisor_ = 1, factor_ = 1u << 31, shift_ = 31;
};

}  // namespace pycnn::cuda
