// Forward of conv2d with pooling on pictures of one channel, whose pixels lie side by side: for few
// output channels the lanes are pixels. The same sums in the same order as with the channels in the
// lanes, so the same bits, for every instruction set and any number of threads.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "channel_batch.h"
#include "ops/conv2d.h"
#include "ops/cpu/kernels.h"
#include "support.h"

namespace pycnn {
namespace {

using cpu::kLanes;
using test::Batch;
using test::Floats;
using test::index;

// Pictures of one channel whose pixels follow each other; zeros in the halo, NaN elsewhere.
class Pictures {
 public:
  Pictures(int images, int height, int width, Halo halo, const std::vector<double>& values)
      : row_(width + halo.left + halo.right),
        image_((height + halo.top + halo.bottom) * row_ + 3),
        floats_(images * image_, std::numeric_limits<float>::quiet_NaN()) {
    float* first = floats_.data() + halo.top * row_ + halo.left;
    view_ = {first, image_, row_, images, height, width, 1, false};
    std::size_t i = 0;
    for (int n = 0; n < images; ++n) {
      for (int h = -halo.top; h < height + halo.bottom; ++h) {
        for (int w = -halo.left; w < width + halo.right; ++w) *view_.at(n, h, w) = 0.0f;
      }
      for (int h = 0; h < height; ++h) {
        for (int w = 0; w < width; ++w) *view_.at(n, h, w) = static_cast<float>(values[i++]);
      }
    }
  }
  cpu::ConstChannelView view() const { return as_const(view_); }

 private:
  std::int64_t row_, image_;
  Floats floats_;
  cpu::ChannelView view_{};
};

std::vector<double> numbers(std::int64_t count, std::uint64_t stream) {
  std::vector<double> values(index(count));
  for (std::int64_t i = 0; i < count; ++i) {
    values[index(i)] = philox(29, stream, static_cast<std::uint64_t>(i))[0] * 0x1p-31 - 1.0;
  }
  return values;
}

struct Results {
  std::vector<float> y;
  std::vector<int> codes;
};

class ChannelPoolPixels : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { cpu::set_isa(GetParam()); }
  void TearDown() override { cpu::set_isa(before_); }

  Results run(const Conv2dGeometry& g, cpu::ConstChannelView x, bool with_bias, bool relu) {
    Floats kernel(numbers(element_count(conv2d_kernel_shape(g)), 2));
    Floats bias(numbers(g.out_channels, 3));
    const int height = g.out_height / 2, width = g.out_width / 2;
    Batch y(x.images, height, width, g.out_channels, {1, 0, 2, 1});
    const std::int64_t row =
        std::int64_t{width} * ((g.out_channels + kLanes - 1) / kLanes * kLanes);
    std::vector<std::uint8_t> codes(index(x.images * height * row), 9);
    const cpu::ChannelCodes code{codes.data(), height * row, row,           x.images,
                                 height,       width,        g.out_channels};
    parallel_run(
        [&](Team& team) {
          cpu::kernels().conv2d_channels->forward_pool(
              team, g, x, kernel.data(), with_bias ? bias.data() : nullptr, relu, y.view(), code);
        },
        test::kernel_workspaces());
    EXPECT_TRUE(y.guarded());
    Results results{y.values(), {}};
    for (int n = 0; n < x.images; ++n) {
      for (int h = 0; h < height; ++h) {
        for (int w = 0; w < width; ++w) {
          for (int o = 0; o < g.out_channels; ++o) results.codes.push_back(code.at(n, h, w)[o]);
        }
      }
    }
    return results;
  }

  void check(int images, int height, int width, const Conv2dOptions& options, double odd = 0.5) {
    const Conv2dGeometry g = conv2d_geometry({height, width, 1}, options, "[test]");
    SCOPED_TRACE(testing::Message()
                 << images << " of " << height << "x" << width << ", kernel " << g.kernel_height
                 << "x" << g.kernel_width << "x" << g.out_channels);
    std::vector<double> values = numbers(std::int64_t{images} * height * width, 1);
    values[values.size() / 2] = odd;
    const Halo halo = conv2d_input_halo(g);
    const Pictures pictures(images, height, width, halo, values);
    Batch filled_up(images, height, width, 1, halo, values);
    for (const bool relu : {false, true}) {
      for (const bool bias : {false, true}) {
        const Results expected = run(g, as_const(filled_up.view()), bias, relu);
        for (const int threads : {1, 2, 3}) {
          const test::ThreadCount count(threads);
          const Results got = run(g, pictures.view(), bias, relu);
          ASSERT_EQ(got.y.size(), expected.y.size());
          for (std::size_t i = 0; i < got.y.size(); ++i) {
            EXPECT_TRUE(got.y[i] == expected.y[i] ||
                        (std::isnan(got.y[i]) && std::isnan(expected.y[i])));
          }
          EXPECT_EQ(got.codes, expected.codes);
        }
      }
    }
  }

 private:
  std::string before_ = std::string(cpu::isa());
};

const Padding kSame{Padding::Mode::same};
const Padding kLopsided{Padding::Mode::explicit_, 0, 3, 2, 1};

TEST_P(ChannelPoolPixels, Channels) {
  for (const int out : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16}) check(2, 12, 28, {out, {5, 5}, {}, kSame});
}

// Less than a vector of windows, one, and a few and a bit.
TEST_P(ChannelPoolPixels, Widths) {
  for (const int width : {2, 3, 9, 16, 17, 32, 33, 34, 70}) {
    check(1, 7, width, {2, {3, 3}, {}, kSame});
    check(3, 6, width + 4, {6, {2, 5}, {}, {}});
  }
}

TEST_P(ChannelPoolPixels, Kernels) {
  for (const Size2 kernel : {Size2{1, 1}, Size2{2, 2}, Size2{3, 2}, Size2{7, 4}}) {
    for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
      check(2, 9, 20, {4, kernel, {}, padding});
    }
  }
}

// Others than pixels side by side, one row after the other; and pictures that fit no buffer.
TEST_P(ChannelPoolPixels, WhatIsLeftToTheChannels) {
  check(1, 13, 12, {4, {3, 3}, {2, 1}, kSame});
  check(1, 13, 12, {4, {3, 3}, {1, 2}, kSame});
  check(1, 120, 130, {4, {3, 3}, {}, kSame});
}

TEST_P(ChannelPoolPixels, NumbersThatAreNotFinite) {
  check(2, 10, 30, {3, {3, 3}, {}, kSame}, std::numeric_limits<double>::quiet_NaN());
  check(2, 10, 30, {3, {3, 3}, {}, kSame}, std::numeric_limits<double>::infinity());
}

INSTANTIATE_TEST_SUITE_P(Isa, ChannelPoolPixels, testing::ValuesIn(cpu::available_isas()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pycnn
