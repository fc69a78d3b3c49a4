// conv2d with channels in the lanes against loops in float64. Small integers, so both must be
// equal, for every instruction set and for one thread and two. The lanes beyond the last channel
// and the memory around are NaN: a kernel that lets one reach a result shows.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "channel_batch.h"
#include "ops/conv2d.h"
#include "support.h"

namespace pycnn {
namespace cpu {
namespace generic {
extern const Conv2dChannelKernels conv2d_channel_kernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Conv2dChannelKernels conv2d_channel_kernels;
}
namespace avx512 {
extern const Conv2dChannelKernels conv2d_channel_kernels;
}
#endif
}  // namespace cpu

namespace {

using cpu::ChannelCodes;
using cpu::Conv2dChannelKernels;
using test::Batch;
using test::Floats;
using test::index;

const Conv2dChannelKernels& kernels_of(const std::string& isa) {
#if defined(__x86_64__)
  if (isa == "avx2") return cpu::avx2::conv2d_channel_kernels;
  if (isa == "avx512") return cpu::avx512::conv2d_channel_kernels;
#endif
  EXPECT_EQ(isa, "generic");
  return cpu::generic::conv2d_channel_kernels;
}

float small_integer(std::uint64_t stream, std::int64_t i) {
  return static_cast<float>(
      static_cast<int>(philox(17, stream, static_cast<std::uint64_t>(i))[0] % 7) - 3);
}

std::vector<double> integers(std::int64_t count, std::uint64_t stream) {
  std::vector<double> values(index(count));
  for (std::int64_t i = 0; i < count; ++i) values[index(i)] = small_integer(stream, i);
  return values;
}

struct Case {
  int images;
  Conv2dGeometry g;
};

Case make_case(int images, const Shape& input, const Conv2dOptions& options) {
  return {images, conv2d_geometry(input, options, "[test]")};
}

// ---- the loops

// Calls f(index in x, index in the kernel, index in y) for every product.
template <typename F>
void for_each_product(const Case& c, F f) {
  const Conv2dGeometry& g = c.g;
  for (int n = 0; n < c.images; ++n) {
    for (int oh = 0; oh < g.out_height; ++oh) {
      for (int ow = 0; ow < g.out_width; ++ow) {
        for (int t = 0; t < g.kernel_height * g.kernel_width; ++t) {
          const int h = oh * g.stride_height + t / g.kernel_width * g.dilation_height - g.pad_top;
          const int w = ow * g.stride_width + t % g.kernel_width * g.dilation_width - g.pad_left;
          if (h < 0 || h >= g.in_height || w < 0 || w >= g.in_width) continue;
          const std::int64_t in = (std::int64_t{n} * g.in_height + h) * g.in_width + w;
          const std::int64_t out = (std::int64_t{n} * g.out_height + oh) * g.out_width + ow;
          for (int i = 0; i < g.in_channels; ++i) {
            for (int o = 0; o < g.out_channels; ++o) {
              f(index(in * g.in_channels + i),
                index((std::int64_t{t} * g.in_channels + i) * g.out_channels + o),
                index(out * g.out_channels + o));
            }
          }
        }
      }
    }
  }
}

struct Operands {
  std::vector<double> x, kernel, bias, dz, base;
  explicit Operands(const Case& c)
      : x(integers(std::int64_t{c.images} * c.g.in_height * c.g.in_width * c.g.in_channels, 1)),
        kernel(integers(element_count(conv2d_kernel_shape(c.g)), 2)),
        bias(integers(c.g.out_channels, 3)),
        dz(integers(c.images * element_count(conv2d_output_shape(c.g)), 4)),
        base(integers(static_cast<std::int64_t>(x.size()), 5)) {}
};

struct Results {
  std::vector<float> y, pooled, dx, dkernel, dbias;
  std::vector<std::uint8_t> code;
};

float relu_of(double v) { return static_cast<float>(v < 0.0 ? 0.0 : v); }

void pool(const Case& c, const std::vector<double>& z, bool relu, Results& r) {
  const int height = c.g.out_height / 2, width = c.g.out_width / 2, channels = c.g.out_channels;
  for (int i = 0; i < c.images * height * width * channels; ++i) {
    const int o = i % channels, w = i / channels % width, h = i / channels / width % height,
              n = i / channels / width / height;
    double best = 0.0;
    int place = 0;
    for (int p = 0; p < 4; ++p) {
      const int row = (n * c.g.out_height + 2 * h + p / 2) * c.g.out_width;
      const double v = z[index((row + 2 * w + p % 2) * channels + o)];
      if (p > 0 && !(v > best) && !std::isnan(v)) continue;
      best = v;
      place = p;
    }
    if (relu && !(best > 0.0)) place = 4;
    r.pooled.push_back(relu ? relu_of(best) : static_cast<float>(best));
    r.code.push_back(static_cast<std::uint8_t>(place));
  }
}

Results expected(const Case& c, const Operands& in, bool relu, bool accumulate) {
  const std::size_t outputs = index(c.g.out_channels);
  std::vector<double> z(in.dz.size()), dx(in.x.size());
  if (accumulate) dx = in.base;
  std::vector<double> dkernel(in.kernel.size(), accumulate ? 2.0 : 0.0);
  std::vector<double> dbias(outputs, accumulate ? 3.0 : 0.0);
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] = in.bias[i % outputs];
    dbias[i % outputs] += in.dz[i];
  }
  for_each_product(c, [&](std::size_t x, std::size_t k, std::size_t y) {
    z[y] += in.x[x] * in.kernel[k];
    dx[x] += in.dz[y] * in.kernel[k];
    dkernel[k] += in.x[x] * in.dz[y];
  });
  Results r;
  for (double v : z) r.y.push_back(relu ? relu_of(v) : static_cast<float>(v));
  pool(c, z, relu, r);
  r.dx.assign(dx.begin(), dx.end());
  r.dkernel.assign(dkernel.begin(), dkernel.end());
  r.dbias.assign(dbias.begin(), dbias.end());
  return r;
}

// ---- the kernels

bool can_pool(const Case& c) {
  const Conv2dGeometry& g = c.g;
  return g.dilation_height == 1 && g.dilation_width == 1 && g.out_height > 1 && g.out_width > 1;
}

std::vector<std::uint8_t> values_of(const ChannelCodes& code) {
  std::vector<std::uint8_t> all;
  for (int i = 0; i < code.images * code.height * code.width; ++i) {
    const std::uint8_t* pixel =
        code.at(i / code.width / code.height, i / code.width % code.height, i % code.width);
    all.insert(all.end(), pixel, pixel + code.channels);
  }
  return all;
}

void run_pool(const Conv2dChannelKernels& kernels, const Case& c, Batch& x, Floats& kernel,
              Floats& bias, bool relu, Results& r) {
  const int height = c.g.out_height / 2, width = c.g.out_width / 2;
  Batch y(c.images, height, width, c.g.out_channels, {1, 2, 1, 0});
  const std::int64_t row = width * y.view().pixel();
  std::vector<std::uint8_t> memory(index(c.images * height * row + 1), 99);
  const ChannelCodes code{memory.data(), height * row,    row, c.images, height,
                          width,         c.g.out_channels};
  parallel_run(
      [&](Team& team) {
        kernels.forward_pool(team, c.g, as_const(x.view()), kernel.data(), bias.data(), relu,
                             y.view(), code);
      },
      test::kernel_workspaces());
  r.pooled = y.values();
  r.code = values_of(code);
  EXPECT_EQ(memory.back(), 99);
  EXPECT_TRUE(y.guarded());
}

Results run(const Conv2dChannelKernels& kernels, const Case& c, const Operands& in, bool relu,
            bool accumulate) {
  const Conv2dGeometry& g = c.g;
  Batch x(c.images, g.in_height, g.in_width, g.in_channels, conv2d_input_halo(g), in.x);
  Batch dz(c.images, g.out_height, g.out_width, g.out_channels, conv2d_gradient_halo(g), in.dz);
  Batch y(c.images, g.out_height, g.out_width, g.out_channels, {1, 1, 2, 1});
  Batch dx(c.images, g.in_height, g.in_width, g.in_channels, {0, 1, 1, 0});
  Batch base(c.images, g.in_height, g.in_width, g.in_channels, {2, 0, 0, 3}, in.base);
  const cpu::ConstChannelView start = accumulate ? as_const(base.view()) : cpu::ConstChannelView{};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Floats kernel(in.kernel), bias(in.bias);
  Floats dkernel(element_count(conv2d_kernel_shape(g)), accumulate ? 2.0f : nan);
  Floats dbias(g.out_channels, accumulate ? 3.0f : nan);
  Floats input_scratch(kernels.backward_input_scratch(g, c.images), nan);
  Floats params_scratch(kernels.backward_params_scratch(g, c.images), nan);
  parallel_run(
      [&](Team& team) {
        kernels.forward(team, g, as_const(x.view()), kernel.data(), bias.data(), relu, y.view());
        kernels.backward_input(team, g, as_const(dz.view()), kernel.data(), input_scratch.data(),
                               start, dx.view());
        kernels.backward_params(team, g, as_const(x.view()), as_const(dz.view()), accumulate,
                                params_scratch.data(), dkernel.data(), dbias.data());
      },
      test::kernel_workspaces());
  for (Floats* floats : {&dkernel, &dbias, &input_scratch, &params_scratch}) {
    EXPECT_TRUE(floats->guarded());
  }
  EXPECT_TRUE(y.guarded() && dx.guarded());
  Results r{y.values(), {}, dx.values(), dkernel.values(), dbias.values(), {}};
  if (can_pool(c)) run_pool(kernels, c, x, kernel, bias, relu, r);
  return r;
}

// NaN equals NaN.
void expect_equal(const std::vector<float>& a, const std::vector<float>& b, const char* what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    ASSERT_EQ(a[i], b[i]) << what << " at " << i;
  }
}

class ChannelConv2d : public testing::TestWithParam<std::string> {
 protected:
  void check(const Case& c, const Operands& in, bool relu) {
    const Conv2dGeometry& g = c.g;
    SCOPED_TRACE(testing::Message()
                 << c.images << " of " << g.in_height << "x" << g.in_width << "x" << g.in_channels
                 << ", kernel " << g.kernel_height << "x" << g.kernel_width << "x" << g.out_channels
                 << ", stride " << g.stride_height << "x" << g.stride_width);
    const Results right = expected(c, in, relu, relu);
    for (int threads : {1, 2}) {
      const test::ThreadCount count(threads);
      const Results r = run(kernels_of(GetParam()), c, in, relu, relu);
      expect_equal(r.y, right.y, "y");
      expect_equal(r.dx, right.dx, "dx");
      expect_equal(r.dkernel, right.dkernel, "dkernel");
      expect_equal(r.dbias, right.dbias, "dbias");
      if (!can_pool(c)) continue;
      expect_equal(r.pooled, right.pooled, "pooled");
      EXPECT_EQ(r.code, right.code);
    }
  }
  void check(int images, const Shape& input, const Conv2dOptions& options) {
    const Case c = make_case(images, input, options);
    for (bool relu : {false, true}) check(c, Operands(c), relu);
  }
};

const Padding kSame{Padding::Mode::same};
const Padding kLopsided{Padding::Mode::explicit_, 0, 3, 2, 1};

TEST_P(ChannelConv2d, Channels) {
  for (int in : {1, 3, 6, 16, 17, 40}) {
    for (int out : {1, 6, 16, 17, 40, 64}) check(3, {6, 7, in}, {out, {3, 3}, {}, kSame});
  }
}

TEST_P(ChannelConv2d, Kernels) {
  for (const Size2 kernel : {Size2{1, 1}, Size2{2, 2}, Size2{3, 2}, Size2{5, 5}, Size2{7, 7}}) {
    for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
      check(1, {9, 30, 3}, {17, kernel, {}, padding});
      check(5, {9, 7, 17}, {6, kernel, {}, padding});
    }
  }
}

TEST_P(ChannelConv2d, Strides) {
  for (const Size2 strides : {Size2{2, 2}, Size2{3, 3}, Size2{1, 3}, Size2{3, 2}}) {
    for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
      for (const Size2 kernel : {Size2{1, 1}, Size2{2, 3}, Size2{5, 5}}) {
        check(2, {13, 12, 6}, {17, kernel, strides, padding});
      }
      check(1, {11, 11, 1}, {40, {7, 7}, strides, padding});
      check(1, {11, 11, 20}, {4, {3, 3}, strides, padding});
    }
  }
}

TEST_P(ChannelConv2d, Dilation) {
  for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
    for (const Size2 dilation : {Size2{2, 2}, Size2{1, 3}}) {
      check(3, {11, 12, 3}, {20, {3, 3}, {}, padding, true, dilation});
      check(1, {11, 12, 17}, {3, {2, 3}, {}, padding, true, dilation});
    }
  }
  check(1, {2, 3, 1}, {2, {3, 3}, {}, kSame, true, {4, 5}});  // taps that see padding alone
}

TEST_P(ChannelConv2d, Batches) {
  for (int images : {1, 3, 20, 33}) {
    check(images, {5, 5, 6}, {16, {3, 3}, {}, kSame});
    check(images, {1, 1, 17}, {3, {1, 1}, {}, {}});
  }
}

// 3x3 with stride 1 between 16 channels or more, in rows of 4 or more: bands of rows and columns,
// blocks of channels, cut tiles, chunks of images.
TEST_P(ChannelConv2d, Winograd) {
  for (const Padding& padding : {Padding{}, kSame, kLopsided}) {
    check(2, {7, 11, 20}, {17, {3, 3}, {}, padding});
    check(1, {4, 70, 16}, {16, {3, 3}, {}, padding});
  }
  check(1, {70, 8, 16}, {24, {3, 3}, {}, kSame});
  check(1, {3, 8, 70}, {100, {3, 3}, {}, kSame});
  check(19, {5, 8, 16}, {16, {3, 3}, {}, kSame});
  const Padding wide{Padding::Mode::explicit_, 4, 5, 6, 3};
  check(1, {2, 4, 16}, {16, {3, 3}, {}, wide});
}

// Several blocks of weights, several tiles, a kernel above the limit of partial sums; long rows.
TEST_P(ChannelConv2d, WideLayers) {
  check(2, {5, 6, 64}, {144, {3, 3}, {}, kSame});
  check(1, {4, 5, 70}, {130, {3, 3}, {}, kSame});
  check(1, {4, 300, 3}, {70, {3, 3}, {}, kSame});
  check(1, {3, 3, 3}, {70, {30, 30}, {}, {Padding::Mode::explicit_, 15, 15, 15, 15}});
}

TEST_P(ChannelConv2d, PoolPassesNanOn) {
  const Case c = make_case(2, {6, 6, 3}, {17, {3, 3}, {}, kSame});
  Operands in(c);
  for (int i : {0, 43, 200}) in.x[index(i)] = std::numeric_limits<double>::quiet_NaN();
  for (bool relu : {false, true}) {
    const Results right = expected(c, in, relu, relu);
    EXPECT_TRUE(std::any_of(right.pooled.begin(), right.pooled.end(),
                            [](float v) { return std::isnan(v); }));
    const Results r = run(kernels_of(GetParam()), c, in, relu, relu);
    expect_equal(r.pooled, right.pooled, "pooled");
    EXPECT_EQ(r.code, right.code);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, ChannelConv2d, testing::ValuesIn(cpu::available_isas()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pycnn
