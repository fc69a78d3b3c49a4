// The gradients of conv2d with pooling, channels in the lanes: from the pooled gradient and the
// codes at once, against the plain passes on the gradient that they stand for. Small integers, so
// both must be equal, for every instruction set and any number of threads. The lanes beyond the
// last channel are NaN, their codes arbitrary.

#include <gtest/gtest.h>

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

int pick(std::uint64_t stream, std::int64_t i, int choices) {
  return static_cast<int>(philox(23, stream, static_cast<std::uint64_t>(i))[0] %
                          static_cast<std::uint32_t>(choices));
}

std::vector<double> integers(std::int64_t count, std::uint64_t stream) {
  std::vector<double> values(index(count));
  for (std::int64_t i = 0; i < count; ++i) values[index(i)] = pick(stream, i, 7) - 3;
  return values;
}

// The pooled gradient with its codes, and the gradient of the convolution's output.
class Gradients {
 public:
  Gradients(const Conv2dGeometry& g, int images)
      : g_(g),
        images_(images),
        values_(integers(std::int64_t{images} * height() * width() * g.out_channels, 3)),
        dy_(images, height(), width(), g.out_channels, {1, 0, 2, 1}, values_),
        codes_(index(std::int64_t{images} * height() * row())) {
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      codes_[i] = static_cast<std::uint8_t>(pick(4, static_cast<std::int64_t>(i), 5));
    }
  }

  const cpu::ChannelView& dy() const { return dy_.view(); }
  cpu::ConstChannelCodes codes() const {
    return {codes_.data(), height() * row(), row(), images_, height(), width(), g_.out_channels};
  }

  std::vector<double> dz() const {
    std::vector<double> dz(
        index(std::int64_t{images_} * g_.out_height * g_.out_width * g_.out_channels));
    std::size_t at = 0;
    for (int n = 0; n < images_; ++n) {
      for (int h = 0; h < height(); ++h) {
        for (int w = 0; w < width(); ++w) {
          for (int o = 0; o < g_.out_channels; ++o, ++at) {
            const int place = codes().at(n, h, w)[o];
            if (place > 3) continue;
            const int row = n * g_.out_height + 2 * h + place / 2;
            const int pixel = row * g_.out_width + 2 * w + place % 2;
            dz[index(std::int64_t{pixel} * g_.out_channels + o)] = values_[at];
          }
        }
      }
    }
    return dz;
  }

 private:
  int height() const { return g_.out_height / 2; }
  int width() const { return g_.out_width / 2; }
  std::int64_t row() const { return width() * ((g_.out_channels + kLanes - 1) / kLanes * kLanes); }

  Conv2dGeometry g_;
  int images_;
  std::vector<double> values_;
  Batch dy_;
  std::vector<std::uint8_t> codes_;
};

struct Results {
  std::vector<float> dx, dkernel, dbias;
};

class ChannelConv2dPool : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { cpu::set_isa(GetParam()); }
  void TearDown() override { cpu::set_isa(before_); }

  // Runs the two passes, each with its scratch: input(team, kernel, scratch, dx) and
  // params(team, scratch, dkernel, dbias).
  template <typename Input, typename Params>
  Results run(const Conv2dGeometry& g, int images, bool accumulate, std::int64_t input_scratch,
              std::int64_t params_scratch, Input input, Params params) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    Floats kernel(integers(element_count(conv2d_kernel_shape(g)), 2));
    Floats first(input_scratch, nan), second(params_scratch, nan);
    Floats dkernel(element_count(conv2d_kernel_shape(g)), accumulate ? 2.0f : nan);
    Floats dbias(g.out_channels, accumulate ? 3.0f : nan);
    Batch dx(images, g.in_height, g.in_width, g.in_channels, {});
    parallel_run(
        [&](Team& team) {
          input(team, kernel.data(), first.data(), dx.view());
          params(team, second.data(), dkernel.data(), dbias.data());
        },
        test::kernel_workspaces());
    for (Floats* floats : {&first, &second, &dkernel, &dbias}) EXPECT_TRUE(floats->guarded());
    EXPECT_TRUE(dx.guarded());
    return {dx.values(), dkernel.values(), dbias.values()};
  }

  void check(int images, const Shape& input, const Conv2dOptions& options) {
    const cpu::Conv2dChannelKernels& kernels = *cpu::kernels().conv2d_channels;
    const Conv2dGeometry g = conv2d_geometry(input, options, "[test]");
    SCOPED_TRACE(testing::Message() << images << " of " << g.in_height << "x" << g.in_width << "x"
                                    << g.in_channels << ", kernel " << g.kernel_height << "x"
                                    << g.kernel_width << "x" << g.out_channels);
    const Gradients gradients(g, images);
    Batch x(images, g.in_height, g.in_width, g.in_channels, conv2d_input_halo(g),
            integers(images * element_count(input), 1));
    Batch dz(images, g.out_height, g.out_width, g.out_channels, conv2d_gradient_halo(g),
             gradients.dz());
    for (const bool accumulate : {false, true}) {
      const Results expected = run(
          g, images, accumulate, kernels.backward_input_scratch(g, images),
          kernels.backward_params_scratch(g, images),
          [&](Team& team, const float* kernel, float* scratch, const cpu::ChannelView& dx) {
            kernels.backward_input(team, g, as_const(dz.view()), kernel, scratch, {}, dx);
          },
          [&](Team& team, float* scratch, float* dkernel, float* dbias) {
            kernels.backward_params(team, g, as_const(x.view()), as_const(dz.view()), accumulate,
                                    scratch, dkernel, dbias);
          });
      for (const int threads : {1, 2, 3}) {
        const test::ThreadCount count(threads);
        const Results got = run(
            g, images, accumulate, kernels.pool_backward_input_scratch(g, images),
            kernels.pool_backward_params_scratch(g, images),
            [&](Team& team, const float* kernel, float* scratch, const cpu::ChannelView& dx) {
              kernels.pool_backward_input(team, g, as_const(gradients.dy()), gradients.codes(),
                                          kernel, scratch, dx);
            },
            [&](Team& team, float* scratch, float* dkernel, float* dbias) {
              kernels.pool_backward_params(team, g, as_const(x.view()), as_const(gradients.dy()),
                                           gradients.codes(), accumulate, scratch, dkernel, dbias);
            });
        EXPECT_EQ(got.dx, expected.dx);
        EXPECT_EQ(got.dkernel, expected.dkernel);
        EXPECT_EQ(got.dbias, expected.dbias);
      }
    }
  }

 private:
  std::string before_ = std::string(cpu::isa());
};

const Padding kSame{Padding::Mode::same};
const Padding kLopsided{Padding::Mode::explicit_, 0, 3, 2, 1};

TEST_P(ChannelConv2dPool, Channels) {
  for (const int in : {16, 32, 80}) {
    for (const int out : {1, 16, 20, 64, 65, 130}) check(2, {6, 7, in}, {out, {3, 3}, {}, kSame});
  }
}

TEST_P(ChannelConv2dPool, Kernels) {
  for (const Size2 kernel : {Size2{1, 1}, Size2{2, 2}, Size2{3, 2}, Size2{5, 5}, Size2{7, 4}}) {
    for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
      check(3, {9, 10, 16}, {17, kernel, {}, padding});
      check(1, {8, 9, 48}, {40, kernel, {}, padding});
    }
  }
}

TEST_P(ChannelConv2dPool, Strides) {
  for (const Size2 strides : {Size2{2, 2}, Size2{3, 1}, Size2{1, 3}}) {
    for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
      for (const Size2 kernel : {Size2{1, 2}, Size2{5, 5}}) {
        check(2, {13, 12, 16}, {20, kernel, strides, padding});
      }
    }
  }
}

// Several tiles of windows, several masks, sums that are cut into parts.
TEST_P(ChannelConv2dPool, LargeLayers) {
  check(1, {26, 30, 16}, {24, {3, 3}, {}, kSame});
  check(1, {4, 150, 32}, {40, {3, 3}, {}, kSame});
  check(2, {4, 5, 352}, {70, {3, 3}, {}, kSame});
  check(9, {14, 14, 32}, {64, {5, 5}, {}, kSame});
}

// Padding so wide that some patches lie outside altogether.
TEST_P(ChannelConv2dPool, WidePadding) {
  check(2, {2, 3, 32}, {20, {3, 3}, {}, {Padding::Mode::explicit_, 4, 5, 6, 4}});
  check(1, {2, 2, 16}, {9, {9, 9}, {}, kSame});
}

INSTANTIATE_TEST_SUITE_P(Isa, ChannelConv2dPool, testing::ValuesIn(cpu::available_isas()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pycnn
