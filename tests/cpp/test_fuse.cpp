// Fusion: which nodes become one instruction.

#include <gtest/gtest.h>

#include "branching_nets.h"
#include "core/error.h"
#include "graph/fuse.h"

namespace pycnn {
namespace {

using test::conv;
using test::same;

// "conv+relu+pool, dense" in the order of the groups.
std::string describe(const Graph& graph, const FusedGraph& fused) {
  std::string text;
  for (const Group& group : fused.groups) {
    if (!text.empty()) text += ", ";
    text += graph.nodes()[static_cast<std::size_t>(group.node)].kind();
    if (group.relu) text += "+relu";
    if (group.pool) text += "+pool";
  }
  return text;
}

TEST(Fuse, LeNet5BecomesSevenGroups) {
  const test::Net net = test::lenet5();
  const FusedGraph fused = fuse_graph(net.graph, {net.output}, true);
  EXPECT_EQ(describe(net.graph, fused),
            "Conv2D+relu+pool, Conv2D+relu+pool, Flatten, Dense+relu, Dense+relu, Dense, Softmax");
  ASSERT_EQ(fused.inputs.size(), 1U);
  EXPECT_EQ(fused.inputs[0].nodes, std::vector<int>{0});
  EXPECT_EQ(fused.inputs[0].value, net.graph.nodes()[0].output);
  EXPECT_EQ(fused.groups[0].output, net.graph.nodes()[3].output);
  EXPECT_EQ(fused.groups.back().output, net.output);
}

TEST(Fuse, ThePlainGraphHasOneGroupForEachNode) {
  const test::Net net = test::lenet5();
  const FusedGraph plain = fuse_graph(net.graph, {net.output}, false);
  ASSERT_EQ(plain.inputs.size(), 1U);
  EXPECT_TRUE(plain.inputs[0].nodes.empty());
  EXPECT_EQ(plain.inputs[0].value, net.graph.input());
  ASSERT_EQ(plain.groups.size(), net.graph.nodes().size());
  for (std::size_t i = 0; i < plain.groups.size(); ++i) {
    EXPECT_EQ(plain.groups[i].node, static_cast<int>(i));
    EXPECT_EQ(plain.groups[i].output, net.graph.nodes()[i].output);
    EXPECT_FALSE(plain.groups[i].relu || plain.groups[i].pool);
  }
}

std::string fused_pool(const MaxPool2dOptions& pool, Shape input) {
  Graph g(std::move(input));
  const ValueId v = g.max_pool2d(g.conv2d(0, conv(2, {1, 1})), pool);
  return describe(g, fuse_graph(g, {v}, true));
}

TEST(Fuse, OnlyWholeWindowsOfTwoByTwoArePooledInTheConvolution) {
  EXPECT_EQ(fused_pool({{2, 2}, {2, 2}, {}}, {4, 4, 1}), "Conv2D+pool");
  EXPECT_EQ(fused_pool({{2, 2}, {2, 2}, {}}, {5, 7, 1}), "Conv2D+pool");
  EXPECT_EQ(fused_pool({{2, 2}, {2, 2}, same()}, {4, 4, 1}), "Conv2D+pool");
  EXPECT_EQ(fused_pool({{2, 2}, {2, 2}, same()}, {5, 4, 1}), "Conv2D, MaxPooling2D");
  EXPECT_EQ(fused_pool({{3, 3}, {2, 2}, {}}, {5, 5, 1}), "Conv2D, MaxPooling2D");
  EXPECT_EQ(fused_pool({{2, 2}, {1, 2}, {}}, {4, 4, 1}), "Conv2D, MaxPooling2D");
  EXPECT_EQ(fused_pool({{2, 2}, {2, 2}, test::around(1, 0, 0, 0)}, {4, 4, 1}),
            "Conv2D, MaxPooling2D");
}

TEST(Fuse, OtherActivationsAndPlacesStayOnTheirOwn) {
  Graph g({6, 6, 1});
  ValueId v = g.rescale(g.conv2d(0, conv(2, {1, 1})), {2.0f, 0.0f});
  v = g.activation(g.conv2d(v, conv(2, {1, 1})), Activation::tanh);
  v = g.avg_pool2d(g.activation(v, Activation::relu), {{2, 2}, {2, 2}, {}});
  const FusedGraph fused = fuse_graph(g, {v}, true);
  EXPECT_TRUE(fused.inputs[0].nodes.empty());
  EXPECT_EQ(describe(g, fused), "Conv2D, Rescaling, Conv2D, Tanh, ReLU, AveragePooling2D");
}

TEST(Fuse, NormalizationsAndSumsEndWithReluOnTheCpu) {
  const test::Net net = test::residual_net();
  const auto fused = [&](Device device) {
    return describe(net.graph, fuse_graph(net.graph, {net.output}, true, device));
  };
  const std::string rest = ", AveragePooling2D, Flatten, Dense, Softmax";
  EXPECT_EQ(fused(Device::cpu),
            "Conv2D, BatchNormalization+relu, Conv2D, BatchNormalization+relu, "
            "Conv2D, BatchNormalization, Add+relu, Conv2D, BatchNormalization+relu, "
            "Conv2D, BatchNormalization, Conv2D, BatchNormalization, Add+relu" +
                rest);
  EXPECT_EQ(fused(Device::cuda),
            "Conv2D, BatchNormalization, ReLU, Conv2D, BatchNormalization, ReLU, "
            "Conv2D, BatchNormalization, Add, ReLU, Conv2D, BatchNormalization, ReLU, "
            "Conv2D, BatchNormalization, Conv2D, BatchNormalization, Add, ReLU" +
                rest);
}

TEST(Fuse, NormalizationsAndSumsThatOthersReadStayOnTheirOwn) {
  Graph g({6});
  const ValueId norm = g.batch_norm(g.dense(g.input(), {4}), {});
  const ValueId relu = g.activation(norm, Activation::relu);
  const ValueId sum = g.add({relu, relu});
  const ValueId end = g.activation(sum, Activation::relu);
  const auto fused = [&](const std::vector<ValueId>& outputs) {
    return describe(g, fuse_graph(g, outputs, true));
  };
  EXPECT_EQ(fused({end}), "Dense, BatchNormalization+relu, Add+relu");
  EXPECT_EQ(fused({end, sum}), "Dense, BatchNormalization+relu, Add, ReLU");
  EXPECT_EQ(fused({end, norm}), "Dense, BatchNormalization, ReLU, Add+relu");
  EXPECT_EQ(fused({g.activation(sum, Activation::tanh), end}),
            "Dense, BatchNormalization+relu, Add, ReLU, Tanh");
}

// What is gathered, then the groups: "Rescaling, Augmentation | Conv2D".
std::string gathered(const std::string& order) {
  Graph g({6, 6, 1});
  ValueId v = g.input();
  for (char kind : order) {
    v = kind == 'r' ? g.rescale(v, {2.0f, 0.5f}) : g.augment(v, {.shift = {1, 1}});
  }
  v = g.conv2d(v, conv(2, {3, 3}, same()));
  const FusedGraph fused = fuse_graph(g, {v}, true);
  std::string text;
  for (int n : fused.inputs[0].nodes) text += g.nodes()[static_cast<std::size_t>(n)].kind() + " ";
  return text + "| " + describe(g, fused);
}

TEST(Fuse, RescalingAndAugmentationAreDoneWhileImagesAreGathered) {
  EXPECT_EQ(gathered("r"), "Rescaling | Conv2D");
  EXPECT_EQ(gathered("a"), "Augmentation | Conv2D");
  EXPECT_EQ(gathered("ra"), "Rescaling Augmentation | Conv2D");
  EXPECT_EQ(gathered("ar"), "Augmentation Rescaling | Conv2D");
  EXPECT_EQ(gathered("rar"), "Rescaling Augmentation | Rescaling, Conv2D");
  EXPECT_EQ(gathered("aa"), "Augmentation | Augmentation, Conv2D");
  Graph g({6, 6, 1});
  const ValueId moved = g.augment(g.input(), {.shift = {1, 1}});
  const FusedGraph fused = fuse_graph(g, {g.rescale(moved, {2.0f}), moved}, true);
  EXPECT_EQ(fused.inputs[0].nodes, std::vector<int>{0});  // the pictures before Rescaling are read
  EXPECT_EQ(describe(g, fused), "Rescaling");
}

TEST(Fuse, WhatSomebodyElseReadsStaysOnItsOwn) {
  Graph g({6, 6, 1});
  const ValueId scaled = g.rescale(g.input(), {2.0f, 0.0f});
  const ValueId c = g.conv2d(scaled, conv(1, {1, 1}));
  const ValueId relu = g.activation(c, Activation::relu);
  const ValueId pooled = g.max_pool2d(relu, {{2, 2}, {2, 2}, {}});
  const auto fused = [&](const std::vector<ValueId>& outputs) {
    return describe(g, fuse_graph(g, outputs, true));
  };
  EXPECT_EQ(fused({pooled}), "Conv2D+relu+pool");
  EXPECT_EQ(fused({pooled, relu}), "Conv2D+relu, MaxPooling2D");
  EXPECT_EQ(fused({pooled, c}), "Conv2D, ReLU, MaxPooling2D");
  EXPECT_EQ(fused({pooled, scaled}), "Conv2D+relu+pool");  // gathered scaled, for both
  EXPECT_EQ(fused({pooled, g.input()}), "Rescaling, Conv2D+relu+pool");
  EXPECT_EQ(fused({pooled, pooled}), "Conv2D+relu+pool");
  const ValueId sum = g.add({relu, c});
  EXPECT_EQ(fused({sum}), "Conv2D, ReLU, Add");
}

TEST(Fuse, NodesThatDoNotLeadToTheOutputAreLeftOut) {
  Graph g({6});
  const ValueId trunk = g.dense(0, {4}, "trunk");
  g.dense(trunk, {9}, "aside");
  const ValueId head = g.dense(trunk, {3}, "head");
  const FusedGraph fused = fuse_graph(g, {head}, true);
  ASSERT_EQ(fused.groups.size(), 2U);
  EXPECT_EQ(fused.groups[1].node, 2);
  EXPECT_TRUE(fuse_graph(g, {g.input()}, true).groups.empty());
  EXPECT_THROW(fuse_graph(g, {9}, true), ValueError);
  EXPECT_THROW(fuse_graph(g, {-1}, true), ValueError);
}

}  // namespace
}  // namespace pycnn
