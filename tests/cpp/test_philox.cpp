// The generator against published answers; permutations and seeds.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace pycnn {
namespace {

using Order = std::vector<std::int64_t>;

// The known answers that the paper's own library, Random123, is tested with (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, SeedStreamAndIndexFillKeyAndCounter) {
  EXPECT_EQ(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, UnitFloatsCoverZeroToOneWithoutOne) {
  EXPECT_EQ(to_unit_float(0), 0.0F);
  EXPECT_EQ(to_unit_float(0xff), 0.0F);  // the low 8 bits are dropped
  EXPECT_EQ(to_unit_float(0x80000000), 0.5F);
  EXPECT_EQ(to_unit_float(0xffffffff), 1.0F - 0x1p-24F);
}

TEST(Permutation, HoldsEveryNumberOnce) {
  for (const std::int64_t count : {0, 1, 2, 3, 17, 64, 1000, 60000}) {
    Order order = random_permutation(count, 3, 5);
    Order wanted(static_cast<std::size_t>(count));
    std::iota(wanted.begin(), wanted.end(), std::int64_t{0});
    if (count > 60) {
      EXPECT_NE(order, wanted) << count;
    }
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, wanted) << count;
  }
}

// Computed by an independent program from the definition: a training run of today shuffles the
// same way in every later version and on every machine.
TEST(Permutation, IsTheOneThatSeedAndStreamDefine) {
  EXPECT_EQ(random_permutation(10, 1, 2), (Order{1, 0, 4, 8, 6, 7, 5, 3, 2, 9}));
  EXPECT_EQ(random_permutation(8, 0x123456789abcdef0, 0xfedcba9876543210),
            (Order{6, 7, 3, 1, 2, 0, 5, 4}));
}

TEST(Permutation, SeedAndStreamBothMatter) {
  const Order order = random_permutation(100, 1, 1);
  EXPECT_EQ(order, random_permutation(100, 1, 1));
  EXPECT_NE(order, random_permutation(100, 2, 1));
  EXPECT_NE(order, random_permutation(100, 1, 2));
}

// All 24 orders of 4 things, 1000 times each on average. With 23 degrees of freedom chi-square
// exceeds 49.7 once in a thousand; the seed is fixed, so this passes always or never.
TEST(Permutation, AllOrdersAreEquallyLikely) {
  constexpr int kDraws = 24000;
  std::map<Order, int> seen;
  for (std::uint64_t stream = 0; stream < kDraws; ++stream) {
    ++seen[random_permutation(4, 11, stream)];
  }
  ASSERT_EQ(seen.size(), 24U);
  double chi_square = 0.0;
  for (const auto& [order, times] : seen) chi_square += (times - 1000.0) * (times - 1000.0) / 1000;
  EXPECT_LT(chi_square, 49.7);
}

TEST(Permutation, NegativeCountIsAnError) {
  EXPECT_THROW(random_permutation(-1, 0, 0), ValueError);
}

TEST(Seeds, RepeatAfterSetRandomSeed) {
  const auto draw = [] { return std::array{next_seed(), next_seed(), next_seed()}; };
  set_random_seed(7);
  const auto first = draw();
  EXPECT_EQ(first[0], 0xfafe014e370a73d1);
  EXPECT_EQ(first[1], 0xf70768022dc32cfd);
  EXPECT_NE(draw(), first);
  set_random_seed(7);
  EXPECT_EQ(draw(), first);
  set_random_seed(8);
  EXPECT_NE(draw(), first);
}

TEST(Seeds, AreAllDifferentAcrossThreads) {
  constexpr int kThreads = 4;
  constexpr int kSeeds = 500;
  set_random_seed(1);
  std::array<std::vector<std::uint64_t>, kThreads> drawn;
  std::vector<std::thread> threads;
  for (auto& seeds : drawn) {
    threads.emplace_back([&seeds] {
      for (int i = 0; i < kSeeds; ++i) seeds.push_back(next_seed());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> all;
  for (const auto& seeds : drawn) all.insert(seeds.begin(), seeds.end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kSeeds));
}

}  // namespace
}  // namespace pycnn
