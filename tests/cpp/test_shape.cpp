// Checked size arithmetic and the text of shapes.

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "core/error.h"
#include "core/shape.h"

namespace pycnn {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(Shape, ProductsUpToTheLargestIntegerAreExact) {
  EXPECT_EQ(checked_mul(28, 28), 784);
  EXPECT_EQ(checked_mul(kLargest, 1), kLargest);
  EXPECT_EQ(checked_mul(0, kLargest), 0);
  // 2^63 - 1 = 7 * 1317624576693539401
  EXPECT_EQ(checked_mul(7, 1317624576693539401), kLargest);
}

TEST(Shape, ProductsBeyondItThrow) {
  EXPECT_THROW(checked_mul(kLargest, 2), OverflowError);
  EXPECT_THROW(checked_mul(std::int64_t{1} << 32, std::int64_t{1} << 31), OverflowError);
  // These wrap to 0 and to 2^32 in 64 bits: small, plausible and wrong.
  EXPECT_THROW(checked_mul(std::int64_t{1} << 32, std::int64_t{1} << 32), OverflowError);
  EXPECT_THROW(checked_mul((std::int64_t{1} << 32) + 1, std::int64_t{1} << 32), OverflowError);
}

TEST(Shape, SumsBeyondTheLargestIntegerThrow) {
  EXPECT_EQ(checked_add(kLargest - 1, 1), kLargest);
  EXPECT_THROW(checked_add(kLargest, 1), OverflowError);
  EXPECT_THROW(checked_add(kLargest, kLargest), OverflowError);
}

TEST(Shape, ElementCountIsTheProductOfTheDimensions) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({5}), 5);
  EXPECT_EQ(element_count({60000, 28, 28, 1}), 47040000);
  EXPECT_EQ(element_count({0, 28, 28, 1}), 0);
}

TEST(Shape, ElementCountRefusesOverflowAndNegativeDimensions) {
  const std::int64_t big = std::int64_t{1} << 31;
  EXPECT_THROW(element_count({big, big, big}), OverflowError);
  EXPECT_THROW(element_count({-1}), ValueError);
  EXPECT_THROW(element_count({0, -1}), ValueError);
  EXPECT_THROW(element_count({-1, -1}), ValueError);
}

TEST(Shape, AZeroDimensionGivesZeroWhereverItStands) {
  EXPECT_EQ(element_count({0, kLargest, kLargest}), 0);
  EXPECT_EQ(element_count({kLargest, kLargest, 0}), 0);
}

TEST(Shape, TextIsThatOfAPythonTuple) {
  EXPECT_EQ(to_string({}), "()");
  EXPECT_EQ(to_string({3}), "(3,)");
  EXPECT_EQ(to_string({28, 28, 1}), "(28, 28, 1)");
  EXPECT_EQ(to_string_batched({}), "(None,)");
  EXPECT_EQ(to_string_batched({28, 28, 1}), "(None, 28, 28, 1)");
}

TEST(Shape, OverflowNamesBothOperands) {
  try {
    checked_mul(kLargest, 3);
    FAIL() << "no exception";
  } catch (const OverflowError& error) {
    EXPECT_STREQ(error.what(), "size 9223372036854775807 * 3 does not fit a 64-bit integer");
  }
}

}  // namespace
}  // namespace pycnn
