#pragma once
// Activations in the channel layout, with NaN wherever a kernel has no business: beyond the last
// channel, and around the halo.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "ops/conv2d.h"

namespace pycnn::test {

inline std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// Floats whose first is aligned to 64 bytes, all `fill` at first, with a guard behind that the
// kernels may read but must leave as it is.
class Floats {
 public:
  Floats(std::int64_t size, float fill)
      : size_(size), memory_(index(size + 3 * cpu::kLanes), fill) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    shift_ = static_cast<std::int64_t>((64 - address % 64) % 64 / sizeof(float));
    std::fill_n(data() + size, kGuard, kUntouched);
  }
  Floats(const std::vector<double>& values)
      : Floats(static_cast<std::int64_t>(values.size()), 0.0f) {
    std::copy(values.begin(), values.end(), data());
  }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;

  float* data() { return memory_.data() + shift_; }
  std::vector<float> values() { return {data(), data() + size_}; }
  bool guarded() {
    return std::all_of(data() + size_, data() + size_ + kGuard,
                       [](float v) { return v == kUntouched; });
  }

 private:
  static constexpr int kGuard = 15;
  static constexpr float kUntouched = 12345.0f;
  std::int64_t size_, shift_ = 0;
  std::vector<float> memory_;
};

// A batch in the channel layout, with a halo of zeros; all else is NaN.
class Batch {
 public:
  Batch(int images, int height, int width, int channels, Halo halo)
      : halo_(halo),
        vectors_((channels + cpu::kLanes - 1) / cpu::kLanes),
        row_(std::int64_t{width + halo.left + halo.right} * vectors_ * cpu::kLanes),
        image_((height + halo.top + halo.bottom) * row_ + cpu::kLanes),
        floats_(images * image_, std::numeric_limits<float>::quiet_NaN()) {
    view_ = {floats_.data() + halo.top * row_ + std::int64_t{halo.left} * vectors_ * cpu::kLanes,
             image_,
             row_,
             images,
             height,
             width,
             channels};
    for_each([&](float& v, std::int64_t) { v = 0.0f; }, halo);
  }
  Batch(int images, int height, int width, int channels, Halo halo,
        const std::vector<double>& values)
      : Batch(images, height, width, channels, halo) {
    for_each([&](float& v, std::int64_t i) { v = static_cast<float>(values[index(i)]); });
  }

  const cpu::ChannelView& view() const { return view_; }
  std::vector<float> values() {
    std::vector<float> all;
    for_each([&](float& v, std::int64_t) { all.push_back(v); });
    return all;
  }
  bool guarded() { return floats_.guarded(); }

 private:
  // In the order [image][height][width][channel].
  void for_each(const std::function<void(float&, std::int64_t)>& f, Halo border = {}) {
    std::int64_t i = 0;
    for (int n = 0; n < view_.images; ++n) {
      for (int h = -border.top; h < view_.height + border.bottom; ++h) {
        for (int w = -border.left; w < view_.width + border.right; ++w) {
          for (int c = 0; c < view_.channels; ++c) f(view_.at(n, h, w)[c], i++);
        }
      }
    }
  }

  Halo halo_;
  int vectors_;
  std::int64_t row_, image_;
  Floats floats_;
  cpu::ChannelView view_;
};

}  // namespace pycnn::test
