#pragma once
// Places of an activation, from and to the index of an element in memory.

#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

// Divides numbers below 2^31 by one that all threads share: a multiplication and a shift, where the
// division, of which an index into NHWC takes three, would be some twenty instructions.
//
// With 2^(s-1) < d <= 2^s and m = 2^(31+s) / d rounded up, n m / 2^(31+s) exceeds n / d by less
// than 1 / d, which leaves its integer part as it is.
class Divisor {
 public:
  Divisor() = default;
  // From 1 to 2^31 - 1.
  explicit Divisor(std::int64_t divisor)
      : divisor_(static_cast<std::uint32_t>(divisor)), shift_(31) {
    while (std::uint64_t{1} << (shift_ - 31) < divisor_) ++shift_;
    const std::uint64_t power = std::uint64_t{1} << shift_;
    multiplier_ = static_cast<std::uint32_t>((power + divisor_ - 1) / divisor_);
  }

  // Makes n its quotient and returns its remainder.
  __device__ __forceinline__ std::uint32_t divide(std::uint32_t& n) const {
    const std::uint32_t quotient =
        static_cast<std::uint32_t>(std::uint64_t{n} * multiplier_ >> shift_);
    const std::uint32_t remainder = n - quotient * divisor_;
    n = quotient;
    return remainder;
  }

  __device__ __forceinline__ int remainder(std::int64_t n) const {
    std::uint32_t rest = static_cast<std::uint32_t>(n);
    return static_cast<int>(divide(rest));
  }

 private:
  std::uint32_t divisor_ = 1, multiplier_ = 1u << 31;
  std::uint32_t shift_ = 31;
};

struct Place {
  int image, h, w, c;
};

// The sizes of an activation, for kernels.
class Nhwc {
 public:
  template <typename T>
  explicit Nhwc(const BasicView<T>& v)
      : height(v.height),
        width(v.width),
        channels(v.channels),
        by_height_(v.height),
        by_width_(v.width),
        by_channels_(v.channels) {}

  __device__ __forceinline__ Place place(std::int64_t index) const {
    std::uint32_t rest = static_cast<std::uint32_t>(index);
    const int c = static_cast<int>(by_channels_.divide(rest));
    const int w = static_cast<int>(by_width_.divide(rest));
    const int h = static_cast<int>(by_height_.divide(rest));
    return {static_cast<int>(rest), h, w, c};
  }

  // Below 2^31, like every index into an operand.
  __device__ __forceinline__ int index(Place p) const {
    return ((p.image * height + p.h) * width + p.w) * channels + p.c;
  }

  int height, width, channels;

 private:
  Divisor by_height_, by_width_, by_channels_;
};

}  // namespace pycnn::cuda
