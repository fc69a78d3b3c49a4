// The dense kernels with the channels in the lanes against the plain definition, on every
// instruction set and by teams of one and two threads. Small integers, so that the results must be
// equal to the last bit. Lanes beyond the last channel are NaN; what a kernel must not write is
// checked.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/arena.h"
#include "support.h"

namespace pycnn {
namespace {

using cpu::kLanes;

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kReadable = 15;  // floats behind the weights

float small_integer(std::uint64_t stream, std::int64_t index) {
  const auto word = philox(12, stream, static_cast<std::uint64_t>(index))[0];
  return static_cast<float>(static_cast<int>(word % 7) - 3);
}

// Floats, poison until they are set.
class Floats {
 public:
  explicit Floats(std::int64_t size)
      : memory_(static_cast<std::size_t>(size) * sizeof(float)), size_(size) {
    for (std::int64_t i = 0; i < size; ++i) data()[i] = kPoison;
  }
  float* data() { return reinterpret_cast<float*>(memory_.data()); }
  float& operator[](std::int64_t i) { return data()[i]; }
  std::int64_t size() const { return size_; }

 private:
  Arena memory_;
  std::int64_t size_;
};

// Rows of images, further apart than they are long.
class Rows {
 public:
  Rows(int images, int channels)
      : images_(images),
        channels_(channels),
        image_((channels + kLanes - 1) / kLanes * kLanes + 2 * kLanes),
        floats_(images * image_) {}
  void fill(std::uint64_t stream) {
    for (int n = 0; n < images_; ++n) {
      for (int c = 0; c < channels_; ++c) at(n, c) = small_integer(stream, n * channels_ + c);
    }
  }
  float& at(int n, int c) { return floats_[n * image_ + c]; }
  cpu::ChannelView view() { return {floats_.data(), image_, image_, images_, 1, 1, channels_}; }
  cpu::ConstChannelView const_view() { return cpu::as_const(view()); }
  // Whether nothing was written behind the last vector of an image.
  bool gaps_untouched() {
    const std::int64_t end = image_ - 2 * kLanes;
    for (int n = 0; n < images_; ++n) {
      for (std::int64_t c = end; c < image_; ++c) {
        if (!std::isnan(floats_[n * image_ + c])) return false;
      }
    }
    return true;
  }

 private:
  int images_, channels_;
  std::int64_t image_;
  Floats floats_;
};

Floats integers(std::int64_t size, std::uint64_t stream) {
  Floats values(size + kReadable);
  for (std::int64_t i = 0; i < size; ++i) values[i] = small_integer(stream, i);
  return values;
}

struct Case {
  int images, inputs, outputs;
};

std::string describe(const Case& c) {
  return std::to_string(c.images) + " images, " + std::to_string(c.inputs) + " inputs, " +
         std::to_string(c.outputs) + " outputs on " + cpu::isa() + ", " +
         std::to_string(num_threads()) + " threads";
}

const std::vector<Case>& some_cases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> list;
    const int sizes[] = {1, 3, 10, 16, 33, 64, 97, 129, 300};
    for (int images : {1, 2, 7, 16, 33, 100}) {
      for (int inputs : sizes) {
        for (int outputs : sizes) {
          if ((images + inputs + outputs) % 3 == 0) list.push_back({images, inputs, outputs});
        }
      }
    }
    // Partial sums, long rows, and more images than sums in registers take.
    list.insert(list.end(), {{1, 700, 300}, {7, 1023, 257}, {3, 70, 9001}, {200, 13, 21}});
    // A few images more than that.
    list.insert(list.end(), {{129, 400, 120}, {140, 30, 10}, {257, 13, 33}});
    return list;
  }();
  return cases;
}

// Runs f on all instruction sets by teams of one and of two threads.
template <typename F>
void for_all_settings(F f) {
  for (const std::string& isa : cpu::available_isas()) {
    const test::InstructionSet set(isa);
    for (int threads : {1, 2}) {
      const test::ThreadCount count(threads);
      for (const Case& c : some_cases()) {
        SCOPED_TRACE(describe(c));
        f(c);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

class Operands {
 public:
  explicit Operands(const Case& c)
      : g{c.inputs, c.outputs},
        x(c.images, c.inputs),
        dz(c.images, c.outputs),
        kernel(integers(std::int64_t{c.inputs} * c.outputs, 3)),
        bias(integers(c.outputs, 4)) {
    x.fill(1);
    dz.fill(2);
  }
  DenseGeometry g;
  Rows x, dz;
  Floats kernel, bias;
};

TEST(ChannelDense, ForwardIsTheDefinition) {
  for_all_settings([](const Case& c) {
    const cpu::DenseChannelKernels& kernels = *cpu::kernels().dense_channels;
    Operands t(c);
    Floats scratch(kernels.forward_scratch(t.g, c.images));
    const bool with_bias = c.inputs % 2 == 0, relu = c.outputs % 2 == 0;
    Rows y(c.images, c.outputs);
    parallel_run(
        [&](Team& team) {
          kernels.forward(team, t.g, t.x.const_view(), t.kernel.data(),
                          with_bias ? t.bias.data() : nullptr, relu, scratch.data(), y.view());
        },
        test::kernel_workspaces());
    ASSERT_TRUE(y.gaps_untouched());
    std::vector<double> sums(static_cast<std::size_t>(c.outputs));
    for (int n = 0; n < c.images; ++n) {
      for (int o = 0; o < c.outputs; ++o) {
        sums[static_cast<std::size_t>(o)] = with_bias ? double(t.bias[o]) : 0.0;
      }
      for (int i = 0; i < c.inputs; ++i) {
        for (int o = 0; o < c.outputs; ++o) {
          sums[static_cast<std::size_t>(o)] +=
              double(t.x.at(n, i)) * double(t.kernel[std::int64_t{i} * c.outputs + o]);
        }
      }
      for (int o = 0; o < c.outputs; ++o) {
        const double sum = sums[static_cast<std::size_t>(o)];
        ASSERT_EQ(double(y.at(n, o)), relu ? std::fmax(sum, 0.0) : sum) << n << ", " << o;
      }
    }
  });
}

TEST(ChannelDense, BackwardInputIsTheDefinition) {
  for_all_settings([](const Case& c) {
    const cpu::DenseChannelKernels& kernels = *cpu::kernels().dense_channels;
    Operands t(c);
    Rows dx(c.images, c.inputs);
    parallel_run(
        [&](Team& team) {
          kernels.backward_input(team, t.g, t.dz.const_view(), t.kernel.data(), dx.view());
        },
        test::kernel_workspaces());
    ASSERT_TRUE(dx.gaps_untouched());
    for (int n = 0; n < c.images; ++n) {
      for (int i = 0; i < c.inputs; ++i) {
        double sum = 0;
        for (int o = 0; o < c.outputs; ++o) {
          sum += double(t.dz.at(n, o)) * double(t.kernel[std::int64_t{i} * c.outputs + o]);
        }
        ASSERT_EQ(double(dx.at(n, i)), sum) << n << ", " << i;
      }
    }
  });
}

void check_gradients(const Case& c, Operands& t, bool accumulate, Floats& dkernel, Floats& dbias) {
  for (int i = 0; i < c.inputs; ++i) {
    for (int o = 0; o < c.outputs; ++o) {
      const std::int64_t at = std::int64_t{i} * c.outputs + o;
      double sum = accumulate ? double(small_integer(5, at)) : 0.0;
      for (int n = 0; n < c.images; ++n) sum += double(t.x.at(n, i)) * double(t.dz.at(n, o));
      ASSERT_EQ(double(dkernel[at]), sum) << i << ", " << o;
    }
  }
  for (int o = 0; o < c.outputs; ++o) {
    double sum = accumulate ? double(small_integer(6, o)) : 0.0;
    for (int n = 0; n < c.images; ++n) sum += double(t.dz.at(n, o));
    ASSERT_EQ(double(dbias[o]), sum) << o;
  }
  for (std::int64_t behind = 0; behind < kReadable; ++behind) {
    ASSERT_TRUE(std::isnan(dkernel[dkernel.size() - 1 - behind]));
    ASSERT_TRUE(std::isnan(dbias[dbias.size() - 1 - behind]));
  }
}

TEST(ChannelDense, BackwardParamsIsTheDefinition) {
  for_all_settings([](const Case& c) {
    const cpu::DenseChannelKernels& kernels = *cpu::kernels().dense_channels;
    Operands t(c);
    const bool accumulate = c.inputs % 2 == 0;
    const std::int64_t size = std::int64_t{c.inputs} * c.outputs;
    Floats dkernel = accumulate ? integers(size, 5) : Floats(size + kReadable);
    Floats dbias = accumulate ? integers(c.outputs, 6) : Floats(c.outputs + kReadable);
    parallel_run(
        [&](Team& team) {
          kernels.backward_params(team, t.g, t.x.const_view(), t.dz.const_view(), accumulate,
                                  dkernel.data(), dbias.data());
        },
        test::kernel_workspaces());
    check_gradients(c, t, accumulate, dkernel, dbias);
  });
}

// Integers are summed exactly in any order; these are not.
TEST(ChannelDense, TheSizeOfTheTeamDoesNotShow) {
  for (const Case& c : {Case{1, 1000, 300}, Case{7, 1000, 300}, Case{33, 300, 129}}) {
    SCOPED_TRACE(describe(c));
    const cpu::DenseChannelKernels& kernels = *cpu::kernels().dense_channels;
    Operands t(c);
    const Tensor x = test::random_floats({c.images, c.inputs}, 1);
    for (int n = 0; n < c.images; ++n) {
      for (int i = 0; i < c.inputs; ++i) t.x.at(n, i) = x.data<float>()[n * c.inputs + i];
    }
    Floats scratch(kernels.forward_scratch(t.g, c.images));
    Tensor results[2];
    for (int threads : {1, 2}) {
      const test::ThreadCount count(threads);
      Rows y(c.images, c.outputs);
      parallel_run(
          [&](Team& team) {
            kernels.forward(team, t.g, t.x.const_view(), t.kernel.data(), t.bias.data(), false,
                            scratch.data(), y.view());
          },
          test::kernel_workspaces());
      Tensor& result = results[threads - 1] = Tensor({c.images, c.outputs});
      for (int n = 0; n < c.images; ++n) {
        for (int o = 0; o < c.outputs; ++o) {
          result.data<float>()[n * c.outputs + o] = y.at(n, o);
        }
      }
    }
    EXPECT_TRUE(test::same_bits(results[0], results[1]));
  }
}

}  // namespace
}  // namespace pycnn
