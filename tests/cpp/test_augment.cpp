// Augmentation: what is drawn, and the instructions that it becomes.

#include <gtest/gtest.h>

#include <set>

#include "branching_nets.h"
#include "core/error.h"

namespace pycnn {
namespace {

using test::expect_error;
using test::random_bytes;
using test::random_floats;
using test::same_bits;

constexpr std::int64_t kOne = std::int64_t{1} << 32;

AugmentGeometry geometry(const AugmentOptions& options, const Shape& input = {8, 9, 2}) {
  return augment_geometry(input, options, "[Augmentation]");
}

TEST(AugmentMap, WithoutOptionsIsThePictureItself) {
  const AugmentMap map = random_augment_map(geometry({}), 1, 2, 3);
  EXPECT_EQ(map.row, 0);
  EXPECT_EQ(map.column, 0);
  EXPECT_EQ(map.row_down, kOne);
  EXPECT_EQ(map.column_down, 0);
  EXPECT_EQ(map.row_right, 0);
  EXPECT_EQ(map.column_right, kOne);
  EXPECT_EQ(map.brightness, 0.0f);
}

TEST(AugmentMap, WholeMovesAreWhole) {
  const AugmentGeometry g = geometry({.shift = {3, 2},
                                      .padding = {1, 2},
                                      .crop = Size2{7, 9},
                                      .horizontal_flip = true,
                                      .brightness = 1.0f});
  EXPECT_TRUE(g.whole_pixels);
  std::set<std::int64_t> rows, sides;
  for (std::int64_t image = 0; image < 1000; ++image) {
    const AugmentMap map = random_augment_map(g, 5, 6, image);
    EXPECT_EQ(map.row % kOne, 0);
    EXPECT_EQ(map.column % kOne, 0);
    EXPECT_EQ(map.row_down, kOne);
    EXPECT_EQ(map.column_down, 0);
    EXPECT_EQ(map.row_right, 0);
    rows.insert(map.row / kOne);
    sides.insert(map.column_right);
  }
  // The window begins at -1..2, the shift takes away -3..3.
  EXPECT_EQ(rows, (std::set<std::int64_t>{-4, -3, -2, -1, 0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(sides, (std::set<std::int64_t>{-kOne, kOne}));
}

// An option's draws do not depend on what else is on.
TEST(AugmentMap, EveryOptionHasAWordOfItsOwn) {
  for (std::int64_t image = 0; image < 50; ++image) {
    const auto draw = [&](const AugmentOptions& o) {
      return random_augment_map(geometry(o), 7, 8, image);
    };
    const AugmentMap moved = draw({.shift = {2, 3}}), bright = draw({.brightness = 0.5f});
    const AugmentMap both = draw({.shift = {2, 3}, .brightness = 0.5f});
    EXPECT_EQ(both.row, moved.row);
    EXPECT_EQ(both.column, moved.column);
    EXPECT_EQ(both.brightness, bright.brightness);
  }
}

TEST(AugmentMap, SeedStreamAndImageDecide) {
  const AugmentGeometry g = geometry({.rotation = 45.0});
  std::set<std::int64_t> cosines;
  for (std::uint64_t n = 0; n < 4; ++n) {
    cosines.insert(random_augment_map(g, n, 0, 0).row_down);
    cosines.insert(random_augment_map(g, 9, n, 0).row_down);
    cosines.insert(random_augment_map(g, 9, 9, std::int64_t(n)).row_down);
  }
  EXPECT_EQ(cosines.size(), 12U);
  EXPECT_NE(augment_stream(0, 1), augment_stream(1, 0));
  EXPECT_NE(augment_stream(0, 1), kDropoutStreams + 1);
}

TEST(AugmentChecks, ARefusedLayerLeavesTheGraphAsItWas) {
  Graph g({28, 28, 1});
  expect_error<ValueError>([&] { g.augment(g.input(), {.shift = {0, 28}}, "a"); },
                           "[Augmentation 'a'] can leave nothing of the picture");
  expect_error<ValueError>([&] { g.augment(g.input(), {.crop = Size2{0, 0}}, "a"); },
                           "crop must be from 1x1 to the padded picture's 28x28; got 0x0");
  constexpr int kLarge = std::numeric_limits<int>::max();
  expect_error<ValueError>([&] { g.augment(g.input(), {.shift = {kLarge, kLarge}}, "a"); },
                           "can leave nothing of the picture");
  expect_error<ValueError>(
      [&] { g.augment(g.input(), {.padding = {kLarge, 0}, .crop = Size2{kLarge, 28}}, "a"); },
      "can leave nothing of the picture");
  expect_error<ValueError>(
      [&] { g.augment(g.input(), {.padding = {kLarge - 1, 0}, .crop = Size2{kLarge, 28}}, "a"); },
      "larger than is supported");
  EXPECT_TRUE(g.nodes().empty());
}

std::vector<std::string> forward_of(const Graph& graph, ValueId output, PlanKind kind, bool fuse) {
  std::vector<std::string> layers;
  for (const Instruction& i : make_plan(graph, {output}, kind, {}, fuse).program) {
    if (i.forward) layers.push_back(i.layer);
  }
  return layers;
}

TEST(AugmentPlan, IsOneInstructionInTrainingAndNoneOtherwise) {
  using Lines = std::vector<std::string>;
  Graph g({28, 28, 1});
  ValueId v = g.rescale(g.input(), {1.0f / 255}, "r");
  v = g.conv2d(g.augment(v, {.shift = {2, 2}}, "a"), test::conv(2, {3, 3}), "c");
  const auto lines = [&](PlanKind kind, bool fuse) { return forward_of(g, v, kind, fuse); };
  EXPECT_EQ(lines(PlanKind::training_predict, true),
            (Lines{"[Augmentation 'a']", "[Conv2D 'c']", "[output]"}));
  EXPECT_EQ(
      lines(PlanKind::training_predict, false),
      (Lines{"[Input]", "[Rescaling 'r']", "[Augmentation 'a']", "[Conv2D 'c']", "[output]"}));
  EXPECT_EQ(lines(PlanKind::predict, true), (Lines{"[Input]", "[Conv2D 'c']", "[output]"}));
  EXPECT_EQ(lines(PlanKind::predict, false),
            (Lines{"[Input]", "[Rescaling 'r']", "[Conv2D 'c']", "[output]"}));
}

// The pictures alone, as training shows them.
Tensor shown(const Tensor& x, bool fused) {
  std::unique_ptr<test::PlainPlans> plain;
  if (!fused) plain = std::make_unique<test::PlainPlans>();
  Graph g({8, 9, 2});
  const ValueId v = g.augment(g.input(), {.shift = {1, 2},
                                          .horizontal_flip = true,
                                          .rotation = 30.0,
                                          .scale_low = 0.8,
                                          .scale_high = 1.2,
                                          .brightness = 0.5f});
  return Network(std::move(g), v, 3).predict(x, 40, true);
}

TEST(AugmentNetwork, SamePicturesForAnyNumberOfThreadsFusedOrNot) {
  for (const std::string& isa : cpu::available_isas()) {
    const test::InstructionSet set(isa);
    for (const Tensor& x : {random_bytes({75, 8, 9, 2}, 1), random_floats({75, 8, 9, 2}, 2)}) {
      const auto with = [&](int count, bool fused) {
        const test::ThreadCount threads(count);
        return shown(x, fused);
      };
      const Tensor one = with(1, true);
      for (int threads : {1, 2, 3, 8}) {
        EXPECT_TRUE(same_bits(with(threads, true), one)) << isa << ", " << threads;
        test::expect_near(with(threads, false), one, 1e-4, isa);
      }
    }
  }
}

}  // namespace
}  // namespace pycnn
