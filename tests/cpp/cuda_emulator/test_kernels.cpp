#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>

#include "support.h"

namespace pycnn::emulator_test {
namespace {

std::vector<int> range(int n) {
  std::vector<int> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

std::vector<float> floats(int n) {
  const std::vector<int> values = range(n);
  return {values.begin(), values.end()};
}

std::vector<float> reversed(std::vector<float> values) {
  std::reverse(values.begin(), values.end());
  return values;
}

// All that a correct kernel computes must be the same in every order of the threads.
class EmulatorKernels : public testing::TestWithParam<const char*> {
 private:
  Variable order_{"PYCNN_EMULATOR_ORDER", GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Orders, EmulatorKernels, testing::Values("forward", "reverse", "random"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(EmulatorKernels, BarrierLetsAllArriveFirst) {
  for (const int n : {1, 2, 33, 256, 1024}) {
    Array<float> in(floats(n));
    Array<float> out(static_cast<std::size_t>(n));
    EXPECT_OK(reverse(in.data(), out.data(), n, true));
    EXPECT_EQ(out.values(), reversed(floats(n)));
    EXPECT_OK(reverse_dynamic(in.data(), out.data(), n));
    EXPECT_EQ(out.values(), reversed(floats(n)));
  }
}

TEST_P(EmulatorKernels, MissingBarrierShows) {
  Array<float> in(floats(256));
  Array<float> out(256);
  EXPECT_OK(reverse(in.data(), out.data(), 256, false));
  EXPECT_NE(out.values(), reversed(floats(256)));
}

TEST_P(EmulatorKernels, Shuffles) {
  std::vector<int> in = range(32);
  for (int& value : in) value = 100 + value;
  Array<int> device_in(in);
  Array<int> out(32 * 8);
  EXPECT_OK(shuffles(device_in.data(), out.data()));
  std::vector<int> expected;
  for (int lane = 0; lane < 32; ++lane) {
    const int first = lane / 8 * 8;
    for (const int source :
         {5, lane < 3 ? lane : lane - 3, lane > 28 ? lane : lane + 3, lane ^ 5, first + 5,
          lane - first < 3 ? lane : lane - 3, lane - first > 4 ? lane : lane + 3,
          (lane ^ 12) < first + 8 ? lane ^ 12 : lane}) {
      expected.push_back(100 + source);
    }
  }
  EXPECT_EQ(out.values(), expected);
}

TEST_P(EmulatorKernels, WarpBarrier) {
  Array<int> in(range(96));
  Array<int> out(96);
  EXPECT_OK(rotate_warps(in.data(), out.data(), 96));
  std::vector<int> expected = range(96);
  for (int& value : expected) value = value / 32 * 32 + (value + 1) % 32;
  EXPECT_EQ(out.values(), expected);
}

TEST_P(EmulatorKernels, PartsOfAWarpShuffleByThemselves) {
  std::vector<double> in(32);
  std::iota(in.begin(), in.end(), 0.0);
  Array<double> device_in(in);
  Array<double> out(32);
  EXPECT_OK(half_warps(device_in.data(), out.data()));
  std::vector<double> expected(16, 120.0);  // 0 + ... + 15
  expected.resize(32, 2 * 376.0);           // 16 + ... + 31
  EXPECT_EQ(out.values(), expected);
}

TEST_P(EmulatorKernels, BlockSums) {
  Array<float> in(floats(1000));
  for (const int threads : {32, 64, 256}) {
    Array<float> out(3);
    EXPECT_OK(sum_blocks(in.data(), out.data(), 1000, 3, threads));
    const std::vector<float> sums = out.values();
    EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), 0.0F), 499500.0F) << threads;
  }
}

TEST_P(EmulatorKernels, Votes) {
  std::vector<int> in(96);
  for (std::size_t i = 32; i < 96; ++i) in[i] = i % 3 == 0 || i >= 64 ? 5 : 0;
  Array<int> device_in(in);
  Array<int> out(96 * 6);
  EXPECT_OK(votes(device_in.data(), out.data(), 96));
  const std::vector<int> rows = out.values();
  const int count = static_cast<int>(std::count(in.begin(), in.end(), 5));
  for (std::size_t i = 0; i < 96; ++i) {
    unsigned ballot = 0;
    for (std::size_t lane = 0; lane < 32; ++lane) {
      ballot |= static_cast<unsigned>(in[i / 32 * 32 + lane] != 0) << lane;
    }
    const std::vector<int> expected{
        static_cast<int>(ballot), ballot != 0, ballot == ~0U, count, true, false};
    EXPECT_EQ(std::vector<int>(&rows[6 * i], &rows[6 * i] + 6), expected) << i;
  }
  Array<int> all(std::vector<int>(64, 1));
  EXPECT_OK(votes(all.data(), out.data(), 64));
  EXPECT_EQ(out.values()[5], 1);
}

TEST_P(EmulatorKernels, AtomicsAndHistogram) {
  std::vector<std::uint8_t> in(1000);
  std::vector<unsigned> expected(16);
  for (std::size_t i = 0; i < in.size(); ++i) {
    in[i] = static_cast<std::uint8_t>(i * i % 251);
    ++expected[in[i] % 16];
  }
  Array<std::uint8_t> device_in(in);
  Array<unsigned> bins(std::vector<unsigned>(16));
  EXPECT_OK(histogram(device_in.data(), bins.data(), 1000, 16));
  EXPECT_EQ(bins.values(), expected);

  Array<float> sum(std::vector<float>{1.0F});
  Array<unsigned long long> count(std::vector<unsigned long long>{5});
  Array<int> maximum(std::vector<int>{-1000});
  Array<int> chosen(std::vector<int>{-1, -1});
  EXPECT_OK(atomics(sum.data(), count.data(), maximum.data(), chosen.data(), 100));
  EXPECT_EQ(sum.values()[0], 51.0F);
  EXPECT_EQ(count.values()[0], 5 + (100ULL << 33));
  EXPECT_EQ(maximum.values()[0], 98);
  const std::vector<int> first = chosen.values();
  EXPECT_EQ(first[0], first[1]);
  EXPECT_EQ(first[0] == 0, GetParam() == std::string("forward"));
  EXPECT_EQ(first[0] == 99, GetParam() == std::string("reverse"));
}

TEST_P(EmulatorKernels, SharedMemoryIsFreshInEveryBlock) {
  Array<unsigned> stale(std::vector<unsigned>{0});
  EXPECT_OK(count_stale_shared(stale.data(), 4));
  EXPECT_EQ(stale.values()[0], 0U);
}

TEST_P(EmulatorKernels, TiledProductIsTheNaiveOne) {
  const int m = 37, k = 21, n = 18;
  std::vector<float> a(m * k), b(k * n), expected(m * n);
  for (int i = 0; i < m * k; ++i) a[static_cast<std::size_t>(i)] = static_cast<float>(i % 7 - 3);
  for (int i = 0; i < k * n; ++i) b[static_cast<std::size_t>(i)] = static_cast<float>(i % 5 - 2);
  for (int row = 0; row < m; ++row) {
    for (int column = 0; column < n; ++column) {
      for (int i = 0; i < k; ++i) expected[row * n + column] += a[row * k + i] * b[i * n + column];
    }
  }
  Array<float> device_a(a), device_b(b), c(m * n);
  EXPECT_OK(matmul(device_a.data(), device_b.data(), c.data(), m, k, n));
  EXPECT_EQ(c.values(), expected);
}

TEST_P(EmulatorKernels, IndicesOfBlocksAndThreads) {
  const dim3 grid(3, 2, 2), block(4, 3, 2);
  Array<std::uint64_t> out(12 * 24);
  EXPECT_OK(indices(out.data(), grid, block));
  std::vector<std::uint64_t> expected;
  for (unsigned b = 0; b < 12; ++b) {
    for (unsigned t = 0; t < 24; ++t) {
      const std::uint64_t high = (b / 6 << 16) | (b / 3 % 2 << 8) | (b % 3);
      expected.push_back(high << 24 | t / 12 << 16 | t / 4 % 3 << 8 | t % 4);
    }
  }
  EXPECT_EQ(out.values(), expected);
}

TEST_P(EmulatorKernels, NobodyWaitsForThreadsThatEnded) {
  Array<int> out(2);
  EXPECT_OK(early_exit(out.data(), 128));
  EXPECT_EQ(out.values(), (std::vector<int>{128, -1}));
}

TEST_P(EmulatorKernels, Intrinsics) {
  Array<int> all_right(1);
  EXPECT_OK(intrinsics(all_right.data()));
  EXPECT_EQ(all_right.values()[0], 1);
}

TEST(EmulatorThreads, TakeTurns) {
  const auto work = [] {
    Array<float> in(floats(256));
    Array<float> out(256);
    for (int i = 0; i < 50; ++i) {
      EXPECT_OK(reverse(in.data(), out.data(), 256, true));
      EXPECT_EQ(out.values(), reversed(floats(256)));
    }
  };
  std::thread other(work);
  work();
  other.join();
}

// Death tests: the program ends with a message.

void expect_death(Mistake mistake, int n, const char* message) {
  Array<int> out(64);
  EXPECT_DEATH(static_cast<void>(make_mistake(mistake, out.data(), n)), message);
}

TEST(EmulatorDeathTest, DifferentBarriers) {
  expect_death(
      Mistake::barrier_in_branch, 0,
      "deadlock in block \\(0, 0, 0\\)\n.*thread 0: .*__syncthreads.*barrier_in_branch_kernel"
      "(.|\n)*thread 32: .*__syncthreads");
}

TEST(EmulatorDeathTest, LanesThatNeverCome) {
  expect_death(Mistake::missing_lanes, 0,
               "deadlock(.|\n)*thread 0: .*__shfl_sync.*missing_lanes_kernel"
               "(.|\n)*thread 16: .*__syncthreads");
}

TEST(EmulatorDeathTest, LaneOutsideOfItsMask) {
  expect_death(Mistake::lane_not_in_mask, 0, "the calling lane is not in the mask: thread 1");
}

TEST(EmulatorDeathTest, UnknownOrder) {
  const Variable order("PYCNN_EMULATOR_ORDER", "sideways");
  EXPECT_DEATH(static_cast<void>(launch_empty(1, 1, 0)), "sideways");
}

#ifdef PYCNN_ASAN
TEST(EmulatorDeathTest, AddressesOutsideOfArrays) {
  expect_death(Mistake::global_overrun, 64, "heap-buffer-overflow");
#ifndef __clang__  // which leaves no zones between variables in a section
  expect_death(Mistake::static_shared_overrun, 0, "global-buffer-overflow");
#endif
  expect_death(Mistake::dynamic_shared_overrun, 7, "heap-buffer-overflow");
}

TEST(EmulatorDeathTest, DeviceMemoryIsNotForTheHost) {
  Array<int> on_device(4);
  EXPECT_DEATH(*on_device.data() = 1, "use-after-poison");
}
#endif

}  // namespace
}  // namespace pycnn::emulator_test
