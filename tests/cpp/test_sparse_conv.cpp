// Dilated, grouped and depthwise convolution against the plain kernels: each is the plain
// convolution with a larger kernel, in which the gaps between taps and the other groups' channels
// are 0. Small integers, so both must be equal. What lies outside the halos is NaN: a kernel that
// reads it shows.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/philox.h"
#include "ops/cpu/kernels.h"

namespace pycnn {
namespace {

using cpu::kLanes;

std::vector<float> integers(std::int64_t count, std::uint64_t stream) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<int>(philox(13, stream, i)[0] % 7) - 3);
  }
  return values;
}

// A block in a frame of zeros, the halo, in a wide frame of NaN.
class Framed {
 public:
  Framed(int height, int width, int channels, Halo halo, std::uint64_t stream)
      : height_(height), width_(width), channels_(channels), halo_(halo) {
    const int rows = height + halo.top + halo.bottom + 2 * kFrame;
    row_ = std::int64_t{width + halo.left + halo.right + 2 * kFrame} * channels * kLanes;
    memory_.assign(static_cast<std::size_t>(rows * row_ + kLanes),
                   std::numeric_limits<float>::quiet_NaN());
    for (int h = -halo.top; h < height + halo.bottom; ++h) {
      std::fill(view().at(h, -halo.left), view().at(h, width + halo.right), 0.0f);
    }
    const std::int64_t size = view().row_size();
    const std::vector<float> values = integers(height * size, stream);
    for (int h = 0; h < height; ++h) std::copy_n(&values[h * size], size, view().at(h, 0));
  }

  cpu::View view() {
    // Kernels load whole vectors, which are aligned to 64 bytes.
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    float* first = memory_.data() + (64 - address % 64) % 64 / sizeof(float);
    const std::int64_t column = std::int64_t{channels_} * kLanes;
    return {first + (kFrame + halo_.top) * row_ + (kFrame + halo_.left) * column, row_, height_,
            width_, channels_};
  }
  cpu::ConstView const_view() { return cpu::as_const(view()); }

  std::vector<float> values() {
    std::vector<float> all;
    for (int h = 0; h < height_; ++h) all.insert(all.end(), view().at(h, 0), view().at(h, width_));
    return all;
  }

 private:
  static constexpr int kFrame = 9;
  int height_, width_, channels_;
  Halo halo_;
  std::int64_t row_;
  std::vector<float> memory_;
};

// The plain convolution that does the same, by a kernel of the full extent.
Conv2dGeometry plain(Conv2dGeometry g) {
  g.kernel_height = g.extent_height();
  g.kernel_width = g.extent_width();
  g.dilation_height = g.dilation_width = g.groups = 1;
  return g;
}

// Calls f(index in the sparse kernel, index in the plain one) for each weight of the sparse one.
template <typename F>
void for_each_weight(const Conv2dGeometry& g, F f) {
  const int inputs = g.in_channels / g.groups, outputs = g.out_channels / g.groups;
  std::size_t k = 0;
  for (int a = 0; a < g.kernel_height; ++a) {
    for (int b = 0; b < g.kernel_width; ++b) {
      for (int c = 0; c < inputs; ++c) {
        for (int o = 0; o < g.out_channels; ++o) {
          const int in = o / outputs * inputs + c;
          const int tap = a * g.dilation_height * g.extent_width() + b * g.dilation_width;
          f(k++, static_cast<std::size_t>((tap * g.in_channels + in) * g.out_channels + o));
        }
      }
    }
  }
}

struct Results {
  std::vector<float> y, dx, dkernel, dbias;
};

template <typename Kernels>
Results run(const Kernels& kernels, const Conv2dGeometry& g, const std::vector<float>& kernel,
            bool relu) {
  Framed x(g.in_height, g.in_width, g.in_channels, conv2d_input_halo(g), 1);
  Framed dz(g.out_height, g.out_width, g.out_channels, conv2d_gradient_halo(g), 2);
  Framed y(g.out_height, g.out_width, g.out_channels, {}, 3);
  Framed dx(g.in_height, g.in_width, g.in_channels, {}, 4);
  const std::vector<float> bias = integers(g.out_channels, 5);
  Results r{{}, {}, std::vector<float>(kernel.size(), 2.0f), std::vector<float>(bias.size(), 3.0f)};
  kernels.forward(g, x.const_view(), kernel.data(), bias.data(), relu, y.view());
  kernels.backward_input(g, dz.const_view(), kernel.data(), dx.view());
  kernels.backward_params(g, x.const_view(), dz.const_view(), relu, r.dkernel.data(),
                          r.dbias.data());
  r.y = y.values();
  r.dx = dx.values();
  return r;
}

void check(const Conv2dGeometry& g, bool relu) {
  const std::vector<float> kernel = integers(element_count(conv2d_kernel_shape(g)), 6);
  const Conv2dGeometry whole = plain(g);
  std::vector<float> spread(static_cast<std::size_t>(element_count(conv2d_kernel_shape(whole))));
  for_each_weight(g, [&](std::size_t k, std::size_t at) { spread[at] = kernel[k]; });

  Results expected = run(*cpu::kernels().conv2d, whole, spread, relu);
  std::vector<float> dkernel(kernel.size());
  for_each_weight(g, [&](std::size_t k, std::size_t at) { dkernel[k] = expected.dkernel[at]; });

  std::vector<Results> results{run(*cpu::kernels().conv2d, g, kernel, relu)};
  if (g.groups == g.in_channels) {
    results.push_back(run(*cpu::kernels().depthwise_conv2d, g, kernel, relu));
  }
  for (const Results& r : results) {
    EXPECT_EQ(r.y, expected.y);
    EXPECT_EQ(r.dx, expected.dx);
    EXPECT_EQ(r.dkernel, dkernel);
    EXPECT_EQ(r.dbias, expected.dbias);
  }
}

void check(const Shape& input, const Conv2dOptions& options) {
  for (bool relu : {false, true}) check(conv2d_geometry(input, options, "[test]"), relu);
}

class SparseConv : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { cpu::set_isa(GetParam()); }
  void TearDown() override { cpu::set_isa(before_); }

 private:
  std::string before_ = cpu::isa();
};

const Padding kSame{Padding::Mode::same};
const Padding kLopsided{Padding::Mode::explicit_, 0, 3, 2, 1};

TEST_P(SparseConv, Dilation) {
  for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
    for (const Size2 dilation : {Size2{2, 2}, Size2{1, 3}, Size2{3, 1}}) {
      check({9, 11, 2}, {5, {3, 3}, {}, padding, true, dilation});
      check({9, 11, 1}, {2, {2, 4}, {}, padding, true, dilation});
    }
  }
  check({2, 3, 1}, {2, {3, 3}, {}, kSame, true, {4, 5}});  // taps that see padding alone
}

TEST_P(SparseConv, Groups) {
  for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
    for (const Size2 strides : {Size2{1, 1}, Size2{2, 3}, Size2{4, 1}}) {
      check({7, 8, 4}, {6, {3, 2}, strides, padding, true, {}, 2});
      check({7, 8, 6}, {3, {2, 3}, strides, padding, true, {}, 3});
      check({7, 8, 2}, {26, {1, 1}, strides, padding, true, {}, 2});
    }
  }
}

TEST_P(SparseConv, Depthwise) {
  for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
    for (int multiplier : {1, 3}) {
      check({9, 14, 5}, {5 * multiplier, {3, 3}, {}, padding, true, {}, 5});
      check({9, 11, 3}, {3 * multiplier, {4, 5}, {2, 3}, padding, true, {}, 3});
      check({9, 11, 1}, {multiplier, {2, 3}, {3, 1}, padding, true, {}, 1});
      check({9, 11, 2}, {2 * multiplier, {3, 3}, {}, padding, true, {2, 3}, 2});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, SparseConv, testing::ValuesIn(cpu::available_isas()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pycnn
