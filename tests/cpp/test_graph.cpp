// The graph: shape rules, every check and its message, the table that summary() shows.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "branching_nets.h"
#include "core/error.h"

namespace pycnn {
namespace {

using test::around;
using test::conv;
using test::expect_error;
using test::same;

constexpr int kHuge = std::numeric_limits<int>::max();

Shape conv_shape(Shape input, const Conv2dOptions& options) {
  Graph g(std::move(input));
  return g.shape(g.conv2d(g.input(), options));
}

TEST(Graph, ConvolutionShapesOfTheLectures) {
  // (N - F + 2P) / S + 1, rounded down.
  EXPECT_EQ(conv_shape({7, 7, 3}, conv(1, {3, 3})), (Shape{5, 5, 1}));
  EXPECT_EQ(conv_shape({7, 7, 3}, conv(2, {3, 3}, {}, {2, 2})), (Shape{3, 3, 2}));
  EXPECT_EQ(conv_shape({7, 7, 3}, conv(2, {3, 3}, {}, {3, 3})), (Shape{2, 2, 2}));
  EXPECT_EQ(conv_shape({32, 32, 3}, conv(6, {5, 5})), (Shape{28, 28, 6}));
  EXPECT_EQ(conv_shape({32, 32, 3}, conv(6, {5, 5}, around(2, 2, 2, 2))), (Shape{32, 32, 6}));
  EXPECT_EQ(conv_shape({32, 32, 3}, conv(6, {5, 5}, same())), (Shape{32, 32, 6}));
}

TEST(Graph, HeightAndWidthAreIndependent) {
  EXPECT_EQ(conv_shape({10, 7, 1}, conv(2, {3, 2}, {}, {2, 3})), (Shape{4, 2, 2}));
  EXPECT_EQ(conv_shape({10, 7, 1}, conv(2, {3, 2}, same(), {3, 2})), (Shape{4, 4, 2}));
  EXPECT_EQ(conv_shape({4, 4, 1}, conv(1, {3, 3}, around(1, 0, 0, 2))), (Shape{3, 4, 1}));
}

TEST(Graph, PoolingShapes) {
  Graph g({7, 7, 3});
  const ValueId x = g.input();
  EXPECT_EQ(g.shape(g.max_pool2d(x, {{2, 2}, {2, 2}, {}})), (Shape{3, 3, 3}));
  EXPECT_EQ(g.shape(g.max_pool2d(x, {{2, 2}, {2, 2}, same()})), (Shape{4, 4, 3}));
  EXPECT_EQ(g.shape(g.avg_pool2d(x, {{3, 3}, {2, 2}, {}})), (Shape{3, 3, 3}));
  EXPECT_EQ(g.shape(g.avg_pool2d(x, {{2, 2}, {1, 1}, {}})), (Shape{6, 6, 3}));
}

TEST(Graph, OtherShapes) {
  Graph g({4, 3, 2});
  const ValueId flat = g.flatten(g.input());
  EXPECT_EQ(g.shape(flat), (Shape{24}));
  EXPECT_EQ(g.shape(g.dense(flat, {7})), (Shape{7}));
  EXPECT_EQ(g.shape(g.activation(g.input(), Activation::tanh)), (Shape{4, 3, 2}));
  EXPECT_EQ(g.shape(g.rescale(g.input(), {2.0f, 0.0f})), (Shape{4, 3, 2}));
  EXPECT_EQ(g.shape(g.host_layer(flat, nullptr, {3, 5}, {})), (Shape{3, 5}));
}

TEST(Graph, ParametersComeInLayerOrder) {
  const test::Net net = test::odd_net();
  const std::vector<Parameter>& p = net.graph.parameters();
  ASSERT_EQ(p.size(), 8U);
  EXPECT_EQ(p[0].layer + "/" + p[0].name, "c1/kernel");
  EXPECT_EQ(p[0].shape, (Shape{3, 5, 3, 5}));
  EXPECT_EQ(p[1].layer + "/" + p[1].name, "c1/bias");
  EXPECT_EQ(p[1].shape, (Shape{5}));
  EXPECT_EQ(p[4].layer + "/" + p[4].name, "c3/kernel");
  EXPECT_EQ(p[5].layer + "/" + p[5].name, "d1/kernel");
  EXPECT_EQ(p[7].shape, (Shape{6, 5}));
}

TEST(Graph, SharedWeightsAreThereOnce) {
  const test::Net net = test::shared_net();
  EXPECT_EQ(net.graph.parameters().size(), 2U + 4U + 2U);
  std::int64_t total = 0;
  for (const NodeInfo& info : net.graph.describe()) total += info.parameter_count;
  EXPECT_EQ(total, (81 + 3) + 4 * 3 + (90 * 5 + 5));
}

// ---- checks

TEST(GraphChecks, InputShape) {
  expect_error<ValueError>([] { Graph(Shape{}); },
                           "[Input] shape must have at least one dimension");
  expect_error<ValueError>([] { Graph({28, 0, 1}); }, "at least 1; got (28, 0, 1)");
  expect_error<ValueError>([] { Graph({-1}); }, "at least 1; got (-1,)");
  expect_error<ValueError>([] { Graph({65536, 65536}); }, "more than 2^31 elements");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_ANY_THROW(Graph({2, most, most}));
}

TEST(GraphChecks, UnknownValues) {
  Graph g({4});
  expect_error<ValueError>([&] { g.shape(1); }, "there is no value 1");
  expect_error<ValueError>([&] { g.dense(-1, {3}); }, "there is no value -1");
  expect_error<ValueError>([&] { g.flatten(7); }, "there is no value 7");
  expect_error<ValueError>([&] { g.activation(7, Activation::relu); }, "there is no value 7");
  expect_error<ValueError>([&] { g.host_layer(7, nullptr, {1}, {}); }, "there is no value 7");
  EXPECT_EQ(g.nodes().size(), 0U);
}

TEST(GraphChecks, KernelLargerThanInput) {
  Graph g({3, 3, 1});
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {5, 5})); },
                           "[Conv2D] kernel 5x5 does not fit input 3x3 with padding 'valid'; "
                           "received input shape (None, 3, 3, 1)");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {6, 1}, around(1, 1, 0, 0)), "c"); },
                           "[Conv2D 'c'] kernel 6x1 does not fit input 3x3 with padding "
                           "((1, 1), (0, 0))");
  expect_error<ValueError>([&] { g.max_pool2d(0, {{4, 4}, {1, 1}, {}}, "p"); },
                           "[MaxPooling2D 'p'] window 4x4 does not fit");
  EXPECT_EQ(g.shape(g.conv2d(0, conv(1, {5, 5}, same()))), (Shape{3, 3, 1}));
}

TEST(GraphChecks, SizesMustBePositive) {
  Graph g({3, 3, 1});
  expect_error<ValueError>([&] { g.conv2d(0, conv(0, {1, 1})); },
                           "filters must be positive; got 0");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {0, 1})); }, "size must be positive; got 0x1");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {1, -2})); }, "positive; got 1x-2");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {1, 1}, {}, {1, 0})); },
                           "strides must be positive; got 1x0");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {1, 1}, around(0, -1, 0, 0))); },
                           "padding must not be negative; got ((0, -1), (0, 0))");
  expect_error<ValueError>([&] { g.avg_pool2d(0, {{0, 2}, {1, 1}, {}}); },
                           "[AveragePooling2D] window size must be positive");
  expect_error<ValueError>([&] { g.max_pool2d(0, {{2, 2}, {0, 1}, {}}); }, "strides must be");
  Graph flat({4});
  expect_error<ValueError>([&] { flat.dense(0, {0}, "d"); }, "[Dense 'd'] units must be positive");
  expect_error<ValueError>([&] { flat.host_layer(0, nullptr, {}, {}, "own"); },
                           "[PythonLayer 'own'] shape must have at least one dimension");
  expect_error<ValueError>([&] { flat.host_layer(0, nullptr, {0}, {}); }, "at least 1; got (0,)");
  expect_error<ValueError>(
      [&] { flat.host_layer(0, nullptr, {1}, {{"scale", "", {0}, Initializer::ones}}); },
      "[PythonLayer] weight 'scale' every dimension must be at least 1");
}

TEST(GraphChecks, Ranks) {
  Graph flat({9});
  expect_error<ValueError>(
      [&] { flat.conv2d(0, conv(1, {1, 1}), "c"); },
      "[Conv2D 'c'] expected input of rank 4 (batch, height, width, channels); "
      "received input shape (None, 9)");
  expect_error<ValueError>([&] { flat.avg_pool2d(0, {{1, 1}, {1, 1}, {}}); }, "rank 4");
  Graph picture({3, 3, 1});
  expect_error<ValueError>([&] { picture.dense(0, {2}); }, "put a Flatten layer before it");
}

TEST(GraphChecks, PaddingOfWindowsMustBeSmallerThanTheWindow) {
  Graph g({5, 5, 1});
  // A window of padding alone would have no maximum.
  expect_error<ValueError>([&] { g.max_pool2d(0, {{2, 2}, {2, 2}, around(2, 0, 0, 0)}); },
                           "must be smaller than the window 2x2");
}

TEST(GraphChecks, NamesAndNumbers) {
  expect_error<ValueError>([] { Padding::parse("full", "[Conv2D]"); }, "got 'full'");
  expect_error<ValueError>([] { parse_activation("rely"); }, "unknown activation 'rely'; known:");
  expect_error<ValueError>([] { parse_initializer("xavier"); }, "xavier");
  Graph g({2});
  expect_error<ValueError>([&] { g.rescale(0, {INFINITY, 0.0f}, "s"); }, "[Rescaling 's'] scale");
  expect_error<ValueError>([&] { g.rescale(0, {1.0f, NAN}); }, "must be finite");
}

TEST(GraphChecks, SizesThatOverflow) {
  Graph g({3, 3, 1});
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {kHuge, 1}, same())); },
                           "sizes beyond 2^31 are not supported");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {1, 1}, around(kHuge, kHuge, 0, 0))); },
                           "sizes beyond 2^31");
  expect_error<ValueError>([&] { g.conv2d(0, conv(kHuge, {1, 1})); }, "more than 2^31 elements");
  expect_error<ValueError>([&] { g.conv2d(0, conv(1, {1 << 16, 1 << 16}, same())); },
                           "more than 2^31 weights");
  EXPECT_EQ(g.shape(g.conv2d(0, conv(1, {1, 1}, {}, {kHuge, kHuge}))), (Shape{1, 1, 1}));
  Graph flat({1 << 20});
  expect_error<ValueError>([&] { flat.dense(0, {1 << 20}); }, "more than 2^31 weights");
  Parameter huge{"w", "", {1 << 30}, Initializer::zeros};
  expect_error<ValueError>([&] { flat.host_layer(0, nullptr, {1}, {huge, huge}); },
                           "more than 2^31 weights");
}

TEST(GraphChecks, ARefusedLayerLeavesTheGraphAsItWas) {
  Graph g({3, 3, 1});
  EXPECT_THROW(g.conv2d(0, conv(kHuge, {1, 1})), ValueError);
  EXPECT_THROW(g.conv2d(0, conv(1, {1 << 16, 1 << 16}, same())), ValueError);
  EXPECT_EQ(g.nodes().size(), 0U);
  EXPECT_EQ(g.parameters().size(), 0U);
  EXPECT_EQ(g.value_count(), 1);
}

// ---- describe

std::int64_t parameter_count(const Graph& graph) {
  std::int64_t total = 0;
  for (const NodeInfo& info : graph.describe()) total += info.parameter_count;
  return total;
}

TEST(Describe, LeNet5) {
  const test::Net net = test::lenet5();
  EXPECT_EQ(parameter_count(net.graph), 61706);
  struct Row {
    const char *name, *kind;
    std::int64_t parameters, multiply_adds, field;
  };
  const std::vector<Row> expected{
      {"scale", "Rescaling", 0, 0, 1},
      {"c1", "Conv2D", 156, 117600, 5},
      {"r1", "ReLU", 0, 0, 5},
      {"p1", "MaxPooling2D", 0, 0, 6},
      {"c2", "Conv2D", 2416, 240000, 14},
      {"r2", "ReLU", 0, 0, 14},
      {"p2", "MaxPooling2D", 0, 0, 16},
      {"flat", "Flatten", 0, 0, 16},
      {"d1", "Dense", 48120, 48000, 28},
      {"r3", "ReLU", 0, 0, 28},
      {"d2", "Dense", 10164, 10080, 28},
      {"r4", "ReLU", 0, 0, 28},
      {"d3", "Dense", 850, 840, 28},
      {"softmax", "Softmax", 0, 0, 28},
  };
  const std::vector<NodeInfo> infos = net.graph.describe();
  ASSERT_EQ(infos.size(), expected.size());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    EXPECT_EQ(infos[i].name, expected[i].name);
    EXPECT_EQ(infos[i].kind, expected[i].kind);
    EXPECT_EQ(infos[i].parameter_count, expected[i].parameters) << infos[i].name;
    EXPECT_EQ(infos[i].multiply_adds, expected[i].multiply_adds) << infos[i].name;
    EXPECT_EQ(infos[i].receptive_height, expected[i].field) << infos[i].name;
    EXPECT_EQ(infos[i].receptive_width, expected[i].field) << infos[i].name;
  }
  EXPECT_EQ(infos[6].output_shape, (Shape{5, 5, 16}));
}

TEST(Describe, ParametersOfTheLectures) {
  Graph g({32, 32, 3});
  g.conv2d(0, conv(10, {5, 5}));
  EXPECT_EQ(parameter_count(g), 760);
}

TEST(Describe, StackedSmallKernelsSeeWhatALargeOneSees) {
  Graph g({320, 2, 1});
  ValueId v = g.input();
  for (int i = 0; i < 150; ++i) v = g.conv2d(v, conv(1, {3, 1}));
  EXPECT_EQ(g.describe()[2].receptive_height, 7);
  EXPECT_EQ(g.describe()[149].receptive_height, 301);
  EXPECT_EQ(g.describe()[149].receptive_width, 1);
}

TEST(Describe, AStrideMultipliesTheGrowthAfterIt) {
  Graph g({40, 40, 1});
  ValueId v = g.conv2d(0, conv(1, {3, 3}, {}, {2, 1}));
  v = g.conv2d(v, conv(1, {3, 3}));
  EXPECT_EQ(g.describe()[1].receptive_height, 7);
  EXPECT_EQ(g.describe()[1].receptive_width, 5);
}

TEST(Describe, BranchesThatMeetSeeWhatAnyOfThemSees) {
  Graph g({9, 9, 1});
  const auto moved = [](int top, int bottom) {
    return Padding{Padding::Mode::explicit_, top, bottom, 0, 0};
  };
  const ValueId up = g.conv2d(0, conv(1, {3, 3}, moved(2, 0)));
  const ValueId down = g.conv2d(0, conv(1, {3, 3}, moved(0, 2)));
  g.permute(g.add({up, down}), {{2, 1, 3}});
  EXPECT_EQ(g.describe()[2].receptive_height, 5);
  EXPECT_EQ(g.describe()[2].receptive_width, 3);
  EXPECT_EQ(g.describe()[3].receptive_height, 5);
}

TEST(Describe, AbsurdStridesDoNotOverflow) {
  Graph g({4, 4, 1});
  ValueId v = g.input();
  for (int i = 0; i < 5; ++i) v = g.max_pool2d(v, {{2, 2}, {kHuge, kHuge}, same()});
  for (const NodeInfo& info : g.describe()) EXPECT_GE(info.receptive_height, 2);
}

}  // namespace
}  // namespace pycnn
