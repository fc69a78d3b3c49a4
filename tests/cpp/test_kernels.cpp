// The convolution kernels against the plain definition, on every instruction set: the corner cases
// of strides, paddings and tiles. Small integers, so the results must be equal to the last bit.
// Memory that a kernel must not read is NaN, memory that it must not write is checked.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/arena.h"
#include "core/error.h"
#include "graph/plan.h"
#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "support.h"

namespace pycnn {
namespace {

using cpu::kLanes;
using test::around;
using test::same;

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

int small_integer(std::uint64_t stream, std::uint64_t index) {
  return static_cast<int>(philox(11, stream, index)[0] % 7) - 3;
}

// A block with its halo in memory of its own: poison all over until it is filled.
class BlockArray {
 public:
  BlockArray(int height, int width, int channels, Halo halo = {}) {
    b_.height = height;
    b_.width = width;
    b_.channels = channels;
    b_.halo = halo;
    memory_ = Arena(b_.bytes());
    std::fill_n(floats(), size(), kPoison);
  }

  // Small integers inside, zeros in the halo.
  void fill(std::uint64_t stream) {
    std::fill_n(floats(), size(), 0.0f);
    std::uint64_t n = 0;
    for (int h = 0; h < b_.height; ++h) {
      for (std::int64_t i = 0; i < view().row_size(); ++i) {
        view().at(h, 0)[i] = static_cast<float>(small_integer(stream, n++));
      }
    }
  }

  cpu::View view() {
    return {floats() + b_.interior(), b_.row(), b_.height, b_.width, b_.channels};
  }
  cpu::ConstView const_view() { return cpu::as_const(view()); }

  // 0 outside: what zero padding means.
  double get(int h, int w, int c, int lane) {
    if (h < 0 || h >= b_.height || w < 0 || w >= b_.width) return 0.0;
    return double(view().at(h, w, c)[lane]);
  }

  std::int64_t size() const { return static_cast<std::int64_t>(b_.bytes() / sizeof(float)); }
  std::int64_t poisoned() {
    return std::count_if(floats(), floats() + size(), [](float v) { return std::isnan(v); });
  }
  std::int64_t interior_size() const {
    return std::int64_t{b_.height} * b_.width * b_.channels * kLanes;
  }

 private:
  float* floats() { return reinterpret_cast<float*>(memory_.data()); }
  Buffer b_;
  Arena memory_;
};

std::vector<float> integers(std::int64_t count, std::uint64_t stream) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(small_integer(stream, i));
  }
  return values;
}

std::string describe(const Conv2dGeometry& g) {
  return "input " + to_string({g.in_height, g.in_width, g.in_channels}) + " output " +
         to_string(conv2d_output_shape(g)) + " kernel " +
         to_string({g.kernel_height, g.kernel_width}) + " stride " +
         to_string({g.stride_height, g.stride_width}) + " pad " +
         to_string({g.pad_top, g.pad_left}) + " on " + cpu::isa();
}

// Calls f(a, b, c, o, kernel index) for all weights.
template <typename F>
void for_each_weight(const Conv2dGeometry& g, F f) {
  std::size_t k = 0;
  for (int a = 0; a < g.kernel_height; ++a) {
    for (int b = 0; b < g.kernel_width; ++b) {
      for (int c = 0; c < g.in_channels; ++c) {
        for (int o = 0; o < g.out_channels; ++o) f(a, b, c, o, k++);
      }
    }
  }
}

struct Operands {
  explicit Operands(const Conv2dGeometry& g)
      : x(g.in_height, g.in_width, g.in_channels, conv2d_input_halo(g)),
        dz(g.out_height, g.out_width, g.out_channels, conv2d_gradient_halo(g)),
        kernel(integers(element_count(conv2d_kernel_shape(g)), 3)),
        bias(integers(g.out_channels, 4)) {
    x.fill(1);
    dz.fill(2);
  }
  BlockArray x, dz;
  std::vector<float> kernel, bias;
};

double naive_forward(const Conv2dGeometry& g, Operands& t, int i, int j, int o, int lane) {
  double sum = double(t.bias[static_cast<std::size_t>(o)]);
  for_each_weight(g, [&](int a, int b, int c, int oo, std::size_t k) {
    if (oo != o) return;
    sum += double(t.kernel[k]) * t.x.get(i * g.stride_height + a - g.pad_top,
                                         j * g.stride_width + b - g.pad_left, c, lane);
  });
  return sum;
}

void check_forward(const Conv2dGeometry& g, Operands& t, int lane) {
  BlockArray y(g.out_height, g.out_width, g.out_channels, {1, 2, 3, 1});
  cpu::kernels().conv2d->forward(g, t.x.const_view(), t.kernel.data(), t.bias.data(), false,
                                 y.view());
  ASSERT_EQ(y.poisoned(), y.size() - y.interior_size()) << describe(g);
  for (int i = 0; i < g.out_height; ++i) {
    for (int j = 0; j < g.out_width; ++j) {
      for (int o = 0; o < g.out_channels; ++o) {
        ASSERT_EQ(y.get(i, j, o, lane), naive_forward(g, t, i, j, o, lane))
            << describe(g) << " at " << to_string({i, j, o});
      }
    }
  }
}

void check_backward_input(const Conv2dGeometry& g, Operands& t, int lane) {
  // Every weight of every output sends its share back to the input that it read.
  std::vector<double> expected(static_cast<std::size_t>(g.in_height * g.in_width * g.in_channels),
                               0.0);
  for (int i = 0; i < g.out_height; ++i) {
    for (int j = 0; j < g.out_width; ++j) {
      for_each_weight(g, [&](int a, int b, int c, int o, std::size_t k) {
        const int h = i * g.stride_height + a - g.pad_top;
        const int w = j * g.stride_width + b - g.pad_left;
        if (h < 0 || h >= g.in_height || w < 0 || w >= g.in_width) return;
        expected[static_cast<std::size_t>((h * g.in_width + w) * g.in_channels + c)] +=
            double(t.kernel[k]) * t.dz.get(i, j, o, lane);
      });
    }
  }
  BlockArray dx(g.in_height, g.in_width, g.in_channels, {2, 1, 1, 2});
  cpu::kernels().conv2d->backward_input(g, t.dz.const_view(), t.kernel.data(), dx.view());
  ASSERT_EQ(dx.poisoned(), dx.size() - dx.interior_size()) << describe(g);
  std::size_t n = 0;
  for (int h = 0; h < g.in_height; ++h) {
    for (int w = 0; w < g.in_width; ++w) {
      for (int c = 0; c < g.in_channels; ++c) {
        ASSERT_EQ(dx.get(h, w, c, lane), expected[n++])
            << describe(g) << " at " << to_string({h, w, c});
      }
    }
  }
}

void check_backward_params(const Conv2dGeometry& g, Operands& t) {
  const std::vector<float> before = integers(static_cast<std::int64_t>(t.kernel.size()), 5);
  for (bool accumulate : {false, true}) {
    std::vector<float> dkernel = before;
    std::vector<float> dbias(t.bias.size(), 100.0f);
    cpu::kernels().conv2d->backward_params(g, t.x.const_view(), t.dz.const_view(), accumulate,
                                           dkernel.data(), dbias.data());
    for_each_weight(g, [&](int a, int b, int c, int o, std::size_t k) {
      double sum = accumulate ? double(before[k]) : 0.0;
      for (int i = 0; i < g.out_height; ++i) {
        for (int j = 0; j < g.out_width; ++j) {
          const int h = i * g.stride_height + a - g.pad_top;
          const int w = j * g.stride_width + b - g.pad_left;
          for (int l = 0; l < kLanes; ++l) sum += t.x.get(h, w, c, l) * t.dz.get(i, j, o, l);
        }
      }
      ASSERT_EQ(double(dkernel[k]), sum) << describe(g) << " weight " << k;
    });
    for (int o = 0; o < g.out_channels; ++o) {
      double sum = accumulate ? 100.0 : 0.0;
      for (int i = 0; i < g.out_height; ++i) {
        for (int j = 0; j < g.out_width; ++j) {
          for (int l = 0; l < kLanes; ++l) sum += t.dz.get(i, j, o, l);
        }
      }
      ASSERT_EQ(double(dbias[static_cast<std::size_t>(o)]), sum) << describe(g) << " bias " << o;
    }
  }
}

// The gradients that the kernels compute from the pooled gradient and the codes are those of the
// plain passes on dz: small integers, so in any order of the sums.
void check_pool_gradients(const Conv2dGeometry& g, Operands& t, BlockArray& dy,
                          const std::vector<std::uint8_t>& code) {
  const cpu::Conv2dKernels& kernels = *cpu::kernels().conv2d;
  BlockArray dz(g.out_height, g.out_width, g.out_channels, conv2d_gradient_halo(g));
  dz.fill(2);
  kernels.backward_pool(dy.const_view(), code.data(), dz.view());
  const cpu::PoolBackwardInputScratch input_scratch(g);
  const cpu::PoolBackwardParamsScratch params_scratch(g);
  const cpu::PoolRowsScratch rows_scratch(g);
  Arena scratch(sizeof(float) * static_cast<std::size_t>(std::max(
                                    {input_scratch.size, params_scratch.size, rows_scratch.size})));
  float* work = reinterpret_cast<float*>(scratch.data());

  BlockArray expected(g.in_height, g.in_width, g.in_channels);
  kernels.backward_input(g, dz.const_view(), t.kernel.data(), expected.view());
  BlockArray dx(g.in_height, g.in_width, g.in_channels, {2, 1, 1, 2});
  std::fill_n(work, input_scratch.size, kPoison);
  kernels.pool_backward_input(g, dy.const_view(), code.data(), t.kernel.data(), work, dx.view());
  ASSERT_EQ(dx.poisoned(), dx.size() - dx.interior_size()) << describe(g);
  for (int h = 0; h < g.in_height; ++h) {
    for (int i = 0; i < g.in_width * g.in_channels * kLanes; ++i) {
      ASSERT_EQ(dx.view().at(h, 0)[i], expected.view().at(h, 0)[i]) << describe(g) << " row " << h;
    }
  }

  const std::vector<float> before = integers(static_cast<std::int64_t>(t.kernel.size()), 5);
  for (bool accumulate : {false, true}) {
    std::vector<float> dkernel = before, dbias(t.bias.size(), 100.0f);
    kernels.backward_params(g, t.x.const_view(), dz.const_view(), accumulate, dkernel.data(),
                            dbias.data());
    std::vector<float> got = before, got_bias(t.bias.size(), 100.0f);
    std::fill_n(work, params_scratch.size, kPoison);
    kernels.pool_backward_params(g, t.x.const_view(), dy.const_view(), code.data(), accumulate,
                                 work, got.data(), got_bias.data());
    ASSERT_EQ(got, dkernel) << describe(g);
    ASSERT_EQ(got_bias, dbias) << describe(g);
    got = before;
    got_bias.assign(t.bias.size(), 100.0f);
    std::fill_n(work, rows_scratch.size, kPoison);
    kernels.pool_rows_params(g, t.x.const_view(), dy.const_view(), code.data(), accumulate, work,
                             got.data(), got_bias.data());
    ASSERT_EQ(got, dkernel) << describe(g) << " by rows";
    ASSERT_EQ(got_bias, dbias) << describe(g) << " by rows";
    got = before;
    got_bias.assign(t.bias.size(), 100.0f);
    kernels.pool_select_params(g, t.x.const_view(), dy.const_view(), code.data(), accumulate,
                               got.data(), got_bias.data());
    ASSERT_EQ(got, dkernel) << describe(g) << " by selecting";
    ASSERT_EQ(got_bias, dbias) << describe(g) << " by selecting";
  }
}

void check_forward_pool(const Conv2dGeometry& g, Operands& t, bool relu, bool winograd, int lane) {
  const int height = g.out_height / 2, width = g.out_width / 2;
  if (height == 0 || width == 0) return;
  BlockArray y(height, width, g.out_channels, {0, 1, 2, 1});
  BlockArray without_codes(height, width, g.out_channels);
  std::vector<std::uint8_t> code(static_cast<std::size_t>(y.interior_size()), 99);
  const cpu::Conv2dKernels& kernels = *cpu::kernels().conv2d;
  if (winograd) {
    const cpu::WinogradPoolScratch parts(g);
    Arena scratch(sizeof(float) * static_cast<std::size_t>(parts.size));
    float* work = reinterpret_cast<float*>(scratch.data());
    const auto run = [&](cpu::View to, std::uint8_t* codes) {
      std::fill_n(work, parts.size, kPoison);
      kernels.forward_pool_winograd(g, t.x.const_view(), t.kernel.data(), t.bias.data(), relu, work,
                                    to, codes);
    };
    run(y.view(), code.data());
    run(without_codes.view(), nullptr);
  } else {
    kernels.forward_pool(g, t.x.const_view(), t.kernel.data(), t.bias.data(), relu, y.view(),
                         code.data());
  }
  ASSERT_EQ(y.poisoned(), y.size() - y.interior_size()) << describe(g);
  std::size_t n = 0;
  for (int i = 0; i < height; ++i) {
    for (int j = 0; j < width; ++j) {
      for (int o = 0; o < g.out_channels; ++o, ++n) {
        double best = -INFINITY;
        int place = 0;
        for (int p = 0; p < 4; ++p) {
          const double v = naive_forward(g, t, 2 * i + p / 2, 2 * j + p % 2, o, lane);
          if (v > best) place = p;
          best = std::max(best, v);
        }
        if (relu && best <= 0.0) place = 4;
        if (relu) best = std::max(best, 0.0);
        ASSERT_EQ(y.get(i, j, o, lane), best) << describe(g);
        if (winograd) {
          ASSERT_EQ(without_codes.get(i, j, o, lane), best) << describe(g);
        }
        ASSERT_EQ(code[n * kLanes + static_cast<std::size_t>(lane)], place) << describe(g);
      }
    }
  }
  // And back: each gradient to its place, zeros elsewhere, the odd row and column included.
  BlockArray dy(height, width, g.out_channels);
  dy.fill(6);
  BlockArray dz(g.out_height, g.out_width, g.out_channels, {0, 0, 2, 3});
  cpu::kernels().conv2d->backward_pool(dy.const_view(), code.data(), dz.view());
  ASSERT_EQ(dz.poisoned(), dz.size() - dz.interior_size()) << describe(g);
  for (int h = 0; h < g.out_height; ++h) {
    for (int w = 0; w < g.out_width; ++w) {
      for (int o = 0; o < g.out_channels; ++o) {
        const int i = h / 2, j = w / 2;
        double expected = 0.0;
        if (i < height && j < width) {
          const auto at = static_cast<std::size_t>((i * width + j) * g.out_channels + o);
          const int place = code[at * kLanes + static_cast<std::size_t>(lane)];
          if (place == (h % 2) * 2 + w % 2) expected = dy.get(i, j, o, lane);
        }
        ASSERT_EQ(dz.get(h, w, o, lane), expected) << describe(g);
      }
    }
  }
  check_pool_gradients(g, t, dy, code);
}

void check(const Conv2dGeometry& g) {
  Operands t(g);
  for (int lane : {0, 5, 15}) {
    check_forward(g, t, lane);
    check_backward_input(g, t, lane);
    for (bool relu : {false, true}) {
      check_forward_pool(g, t, relu, false, lane);
      if (cpu::suits_winograd_pool(g)) check_forward_pool(g, t, relu, true, lane);
    }
  }
  check_backward_params(g, t);
}

void check(Shape input, int filters, Size2 kernel, Size2 strides, Padding padding) {
  check(conv2d_geometry(input, {filters, kernel, strides, padding, true}, "[test]"));
}

class Conv2dKernels : public testing::TestWithParam<std::string> {
 protected:
  test::InstructionSet isa_{GetParam()};
};

TEST_P(Conv2dKernels, StrideLargerThanKernel) {
  // Some pixels are seen by nobody: their gradient is zero.
  check({7, 7, 2}, 3, {1, 1}, {2, 2}, {});
  check({11, 8, 2}, 3, {2, 1}, {5, 3}, {});
  check({5, 9, 1}, 2, {2, 2}, {3, 4}, around(1, 0, 0, 1));
}

TEST_P(Conv2dKernels, StrideThatDoesNotDivideTheKernel) {
  check({14, 11, 2}, 3, {5, 5}, {3, 3}, {});
  check({14, 11, 2}, 3, {5, 5}, {3, 3}, same());
  check({9, 10, 3}, 2, {5, 3}, {2, 2}, around(2, 1, 0, 2));
}

TEST_P(Conv2dKernels, RowsAndColumnsLeftOver) {
  check({8, 8, 1}, 2, {3, 3}, {3, 3}, {});  // the last two are not reached
  check({10, 9, 1}, 2, {2, 2}, {4, 5}, {});
}

TEST_P(Conv2dKernels, LopsidedPadding) {
  check({5, 6, 2}, 3, {3, 3}, {1, 1}, around(2, 0, 0, 2));
  check({5, 6, 2}, 3, {3, 4}, {2, 1}, around(0, 2, 3, 0));
  check({3, 3, 1}, 1, {2, 2}, {1, 1}, around(5, 4, 3, 6));  // padding beyond the kernel
  check({3, 3, 1}, 1, {2, 2}, {3, 2}, around(5, 4, 3, 6));
}

TEST_P(Conv2dKernels, OnePixelOutputs) {
  check({5, 5, 3}, 4, {5, 5}, {1, 1}, {});
  check({1, 1, 3}, 4, {1, 1}, {1, 1}, {});
  check({1, 1, 2}, 3, {3, 3}, {1, 1}, same());
  check({1, 1, 2}, 3, {5, 5}, {7, 7}, same());
  check({6, 6, 1}, 1, {6, 6}, {100, 100}, {});
}

TEST_P(Conv2dKernels, KernelsLargerThanThePicture) {
  check({2, 3, 1}, 2, {7, 9}, {1, 1}, same());
  check({4, 4, 1}, 2, {7, 7}, {2, 2}, around(3, 3, 4, 2));
}

TEST_P(Conv2dKernels, FlatPictures) {
  check({1, 17, 2}, 3, {1, 5}, {1, 2}, same());
  check({17, 1, 2}, 3, {5, 1}, {2, 1}, same());
}

TEST_P(Conv2dKernels, EveryTileSize) {
  for (int n = 1; n <= 17; ++n) {
    check({1, n, 1}, 1, {1, 1}, {1, 1}, {});  // pixels
    check({3, 3, 1}, n, {2, 2}, {1, 1}, {});  // output channels
    check({3, 3, n}, 2, {2, 2}, {1, 1}, {});  // input channels
  }
}

// Winograd's tiles: more rows than it keeps at a time, all numbers of windows and of channels at a
// time.
TEST_P(Conv2dKernels, FiveByFive) {
  for (int n = 4; n <= 8; ++n) {
    for (int channels : {1, 2}) check({13, 11, channels}, n, {5, 5}, {1, 1}, same());
  }
  for (int width = 2; width <= 14; width += 2) check({6, width, 3}, 9, {5, 5}, {1, 1}, same());
  for (int channels : {16, 17, 33}) check({6, 9, channels}, 9, {5, 5}, {1, 1}, same());
  check({14, 14, 6}, 16, {5, 5}, {1, 1}, {});
  check({17, 9, 3}, 13, {5, 5}, {1, 1}, around(0, 3, 4, 1));
}

// More windows than the weights' gradient of short runs takes at a time.
TEST_P(Conv2dKernels, ManyWindowsOfShortRuns) {
  check({22, 25, 1}, 3, {5, 5}, {1, 1}, same());  // 132 windows: 64, 64 and 4
  check({19, 23, 3}, 2, {3, 3}, {1, 1}, same());  // 99: the second part has more than 32
  check({15, 41, 2}, 2, {3, 4}, {1, 2}, {});
}

TEST_P(Conv2dKernels, RandomGeometries) {
  int checked = 0;
  for (std::uint64_t n = 0; checked < 150; ++n) {
    const auto draw = [&](std::uint64_t index, int low, int high) {
      return low + static_cast<int>(philox(77, n, index)[0] % std::uint32_t(high - low + 1));
    };
    const Shape input{draw(0, 1, 9), draw(1, 1, 9), draw(2, 1, 4)};
    const Size2 kernel{draw(3, 1, 6), draw(4, 1, 6)}, strides{draw(5, 1, 4), draw(6, 1, 4)};
    Padding padding;
    if (const int mode = draw(7, 0, 2); mode == 1) {
      padding = same();
    } else if (mode == 2) {
      padding = around(draw(8, 0, 4), draw(9, 0, 4), draw(10, 0, 4), draw(11, 0, 4));
    }
    if (padding.mode == Padding::Mode::valid &&
        (kernel.height > input[0] || kernel.width > input[1])) {
      continue;
    }
    if (padding.mode == Padding::Mode::explicit_ &&
        (kernel.height > input[0] + padding.top + padding.bottom ||
         kernel.width > input[1] + padding.left + padding.right)) {
      continue;
    }
    check(input, draw(12, 1, 7), kernel, strides, padding);
    if (HasFatalFailure()) return;
    ++checked;
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, Conv2dKernels, testing::ValuesIn(cpu::available_isas()),
                         [](const auto& info) { return info.param; });

TEST(InstructionSets, UnknownNamesAreRefusedAndLeaveTheChoice) {
  const std::string before = cpu::isa();
  test::expect_error<ValueError>([] { cpu::set_isa("sse9"); },
                                 "set_cpu_isa: unknown instruction set 'sse9'; known: generic");
  EXPECT_EQ(cpu::isa(), before);
  EXPECT_EQ(cpu::available_isas().front(), "generic");
}

}  // namespace
}  // namespace pycnn
