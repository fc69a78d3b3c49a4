// Graphs that are no chain: gradients that add up, several inputs and outputs, the same bits on
// any number of threads.

#include <gtest/gtest.h>

#include "branching_nets.h"
#include "core/error.h"

namespace pycnn {
namespace {

using test::expect_error;
using test::random_floats;
using test::rows;
using test::same_bits;
using test::weights;

Tensor sum(const Tensor& a, const Tensor& b) {
  Tensor s(a.shape());
  for (std::int64_t i = 0; i < s.size(); ++i) {
    s.data<float>()[i] = a.data<float>()[i] + b.data<float>()[i];
  }
  return s;
}

// Each branch alone, or both added.
Network branches(bool left, bool right) {
  Graph g({6, 5, 2});
  const ValueId x = g.input();
  ValueId a = -1, b = -1;
  if (left)
    a = g.activation(g.conv2d(x, test::conv(3, {3, 3}, test::same()), "a"), Activation::relu);
  if (right) b = g.activation(g.conv2d(x, test::conv(3, {1, 1}), "b"), Activation::tanh);
  const ValueId v = left && right ? g.add({a, b}) : left ? a : b;
  return Network(std::move(g), v, 1);
}

TEST(Branches, GradientsOfSeveralReadersAdd) {
  Network left = branches(true, false), right = branches(false, true), both = branches(true, true);
  right.set_parameter(0, both.get_parameter(2));
  left.set_parameter(0, both.get_parameter(0));
  const Tensor x = random_floats({35, 6, 5, 2}, 1), dy = random_floats({35, 6, 5, 3}, 2);
  EXPECT_TRUE(same_bits(both.predict(x, 35), sum(left.predict(x, 35), right.predict(x, 35))));
  const Network::Gradients a = left.backward(x, dy), b = right.backward(x, dy),
                           ab = both.backward(x, dy);
  EXPECT_TRUE(same_bits(ab.inputs[0], sum(a.inputs[0], b.inputs[0])));
  EXPECT_TRUE(same_bits(ab.parameters,
                        {a.parameters[0], a.parameters[1], b.parameters[0], b.parameters[1]}));
}

TEST(Branches, AValueAddedToItselfHasTwiceTheGradient) {
  const auto backward = [](bool twice, const Tensor& dy) {
    Graph g({7});
    const ValueId v = g.dense(g.input(), {4}, "d");
    const ValueId y = twice ? g.add({v, v}) : v;
    return Network(std::move(g), y, 1).backward(random_floats({20, 7}, 1), dy);
  };
  const Tensor dy = random_floats({20, 4}, 2);
  const Network::Gradients twice = backward(true, dy), once = backward(false, sum(dy, dy));
  EXPECT_TRUE(same_bits(twice.inputs, once.inputs));
  EXPECT_TRUE(same_bits(twice.parameters, once.parameters));
}

TEST(Branches, AnOutputThatIsReadOnHasBothGradients) {
  // y1 = d(x) and y2 = y1 + y1: the gradient by y1 is dy1 + 2 dy2.
  const Tensor x = random_floats({20, 7}, 1), dy1 = random_floats({20, 4}, 2),
               dy2 = random_floats({20, 4}, 3);
  Graph g({7});
  const ValueId v = g.dense(g.input(), {4}, "d");
  Network alone(g, v, 1);
  Network two(g, {v, v}, 1);
  const ValueId doubled = g.add({v, v});
  Network network(g, {v, doubled}, 1);
  const Network::Gradients got = network.backward({x}, Tensors{dy1, dy2}),
                           expected = alone.backward(x, sum(dy1, sum(dy2, dy2)));
  test::expect_near(got.inputs[0], expected.inputs[0], 1e-5, "input");
  test::expect_near(got.parameters[0], expected.parameters[0], 1e-5, "kernel");
  // One value as two outputs.
  const Tensors y = two.predict(Tensors{x}, 20);
  EXPECT_TRUE(same_bits(y, {alone.predict(x, 20), alone.predict(x, 20)}));
  EXPECT_TRUE(same_bits(two.backward(Tensors{x}, Tensors{dy1, dy2}).parameters,
                        alone.backward(x, sum(dy1, dy2)).parameters));
}

struct Result {
  std::vector<Tensor> weights;
  std::vector<double> losses;
  Tensors predictions, gradients;
};

Result train_two_heads() {
  test::Nets net = test::two_headed_net();
  Network network(std::move(net.graph), net.outputs, 20);
  network.compile(test::two_losses({0.9f, true, 0.001f}));
  const test::Lists data = test::data_for_two_heads(120);
  Result result;
  for (const auto& [first, count] : {std::pair{0, 70}, {70, 33}, {103, 16}, {119, 1}, {0, 120}}) {
    const test::Lists part = rows(data, first, count);
    const Totals t = network.train_step(part.x, part.y, 0.05f);
    result.losses.push_back(t.loss_sum);
    result.losses.insert(result.losses.end(), t.output_losses.begin(), t.output_losses.end());
  }
  result.weights = weights(network);
  result.predictions = network.predict(data.x, 64);
  const Tensors dy{random_floats({120, 5}, 7), random_floats({120, 6, 5, 2}, 8)};
  for (bool training : {false, true}) {
    Network::Gradients g = network.backward(data.x, dy, training);
    result.gradients.insert(result.gradients.end(), g.inputs.begin(), g.inputs.end());
    result.gradients.insert(result.gradients.end(), g.parameters.begin(), g.parameters.end());
  }
  return result;
}

TEST(TwoHeads, SameBitsForAnyNumberOfThreads) {
  const auto with = [](int count) {
    const test::ThreadCount threads(count);
    return train_two_heads();
  };
  const Result one = with(1);
  for (int threads : {2, 3, 8}) {
    const Result several = with(threads);
    EXPECT_TRUE(same_bits(several.weights, one.weights)) << threads;
    EXPECT_EQ(several.losses, one.losses) << threads;
    EXPECT_TRUE(same_bits(several.predictions, one.predictions)) << threads;
    EXPECT_TRUE(same_bits(several.gradients, one.gradients)) << threads;
  }
}

TEST(TwoHeads, TheLossIsTheWeightedSum) {
  test::Nets net = test::two_headed_net();
  Network network(std::move(net.graph), net.outputs, 20);
  network.compile(test::two_losses());
  const test::Lists data = test::data_for_two_heads(37);
  const Totals t = network.evaluate(data.x, data.y, 10);
  ASSERT_EQ(t.output_losses.size(), 2U);
  EXPECT_DOUBLE_EQ(t.loss_sum, 0.75 * t.output_losses[0] + 0.5 * t.output_losses[1]);
  EXPECT_EQ(t.hits.size(), 2U);
  // The second loss, computed from the predictions.
  const Tensor picture = network.predict(data.x, 37)[1];
  double squares = 0;
  for (std::int64_t i = 0; i < picture.size(); ++i) {
    const double d = double(picture.data<float>()[i]) - double(data.y[1].data<float>()[i]);
    squares += d * d / 60.0;
  }
  EXPECT_NEAR(t.output_losses[1], squares, 1e-5 * squares);
}

TEST(TwoHeads, WhatDoesNotFitIsRefused) {
  test::Nets net = test::two_headed_net();
  Network network(net.graph, net.outputs, 20);
  expect_error<ValueError>([&] { network.compile(test::one_loss("mean_squared_error")); },
                           "the network has 2 outputs; got losses for 1");
  network.compile(test::two_losses());
  const test::Lists data = test::data_for_two_heads(4);
  expect_error<ValueError>([&] { network.evaluate({data.x[0]}, data.y, 4); },
                           "expected 2 inputs; got 1");
  expect_error<ValueError>([&] { network.evaluate(data.x, {data.y[0]}, 4); },
                           "expected targets for 2 outputs; got 1");
  expect_error<ValueError>([&] { network.predict(data.x[0], 4); }, "the network has 2 outputs");
  expect_error<ValueError>([&] { network.evaluate({data.x[0], rows(data.x[1], 0, 3)}, data.y, 4); },
                           "the inputs differ in length");
  expect_error<ValueError>([&] { network.backward(data.x, {data.y[1]}); },
                           "expected dy for 2 outputs; got 1");
  EXPECT_THROW(Network(net.graph, std::vector<ValueId>{}, 1), ValueError);
}

}  // namespace
}  // namespace pycnn
