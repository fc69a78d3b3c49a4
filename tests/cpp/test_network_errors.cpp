// What networks refuse or stop at: numbers that are not finite, data that do not fit. The weights
// are then as they were before.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "core/error.h"
#include "support.h"

namespace pycnn {
namespace {

using test::Data;
using test::data_for;
using test::expect_error;
using test::make;
using test::random_floats;
using test::rows;
using test::same_bits;
using test::sparse;
using test::weights;

// ---- what is not finite

TEST(NetworkErrors, NotANumberInTheInput) {
  test::Model network = make(test::lenet5());
  Data data = data_for(network, 20);
  const std::vector<Tensor> before = weights(network);
  data.x.data<float>()[17 * 784 + 400] = NAN;  // in the second, short block
  expect_error<FloatingPointError>([&] { network.train_step(data.x, data.y, 0.1f); },
                                   "the loss is nan: the input data are not finite");
  EXPECT_TRUE(same_bits(weights(network), before));
}

TEST(NetworkErrors, NotANumberInTheWeights) {
  for (const auto& [id, layer] : {std::pair{2, "c2"}, {4, "d1"}, {8, "d3"}}) {
    test::Model network = make(test::lenet5());
    const Data data = data_for(network, 20);
    Tensor kernel = network.get_parameter(id);
    kernel.data<float>()[7] = NAN;
    network.set_parameter(id, kernel);
    const std::vector<Tensor> before = weights(network);
    expect_error<FloatingPointError>(
        [&] { network.train_step(data.x, data.y, 0.1f); },
        std::string("the weights 'kernel' of layer '") + layer + "' are not finite");
    EXPECT_TRUE(same_bits(weights(network), before)) << layer;
  }
}

TEST(NetworkErrors, TheFirstLayerThatOverflowsIsNamed) {
  for (bool fuse : {true, false}) {
    std::unique_ptr<test::PlainPlans> plain;
    if (!fuse) plain = std::make_unique<test::PlainPlans>();
    test::Model network = make(test::lenet5());
    const Data data = data_for(network, 5);
    Tensor kernel = network.get_parameter(2);
    std::fill_n(kernel.data<float>(), kernel.size(), 1e38f);
    network.set_parameter(2, kernel);
    Tensor bias = network.get_parameter(1);
    std::fill_n(bias.data<float>(), bias.size(), 1.0f);
    network.set_parameter(1, bias);
    const std::vector<Tensor> before = weights(network);
    expect_error<FloatingPointError>(
        [&] { network.train_step(data.x, data.y, 0.1f); },
        "the first output that is not finite is that of [Conv2D 'c2']");
    EXPECT_TRUE(same_bits(weights(network), before));
  }
}

TEST(NetworkErrors, NotANumberInTheTargets) {
  test::Model network = make(test::dense_net(), test::one_loss("mean_squared_error"));
  Tensor y({3, 5});
  y.data<float>()[14] = INFINITY;
  expect_error<FloatingPointError>(
      [&] { network.train_step(random_floats({3, 2, 3, 2, 2}, 1), y, 0.1f); },
      "the targets are not finite");
}

TEST(NetworkErrors, AStepThatFailedLeavesNoTrace) {
  const auto run = [](bool with_failure) {
    test::Model network = make(test::odd_net());
    const Data data = data_for(network, 64);
    network.train_step(data.x, data.y, 0.1f);
    if (with_failure) {
      Tensor bad = data.x.clone();
      std::fill_n(bad.data<float>(), bad.size(), NAN);
      EXPECT_THROW(network.train_step(bad, data.y, 0.1f), FloatingPointError);
    }
    // A short batch: nothing of the poisoned lanes and blocks may come through.
    network.train_step(rows(data.x, 0, 3), rows(data.y, 0, 3), 0.1f);
    std::vector<Tensor> all = weights(network);
    all.push_back(network.predict(rows(data.x, 0, 3), 3));
    return all;
  };
  EXPECT_TRUE(same_bits(run(false), run(true)));
}

// ---- data that do not fit

TEST(NetworkErrors, Labels) {
  test::Model network = make(test::odd_net());
  const std::vector<Tensor> before = weights(network);
  Data data = data_for(network, 20);
  for (std::int64_t wrong : {std::int64_t{-1}, std::int64_t{5},
                             std::numeric_limits<std::int64_t>::min(), std::int64_t{1} << 32}) {
    data.y.data<std::int64_t>()[18] = wrong;
    const std::string text = "label " + std::to_string(wrong) + " at index 18 is outside 0..4";
    expect_error<ValueError>([&] { network.train_step(data.x, data.y, 0.1f); }, text);
    expect_error<ValueError>([&] { network.evaluate(data.x, data.y, 8); }, text);
  }
  EXPECT_TRUE(same_bits(weights(network), before));
}

TEST(NetworkErrors, ShapesAndTypes) {
  test::Model network = make(test::odd_net());
  const Data data = data_for(network, 4);
  const auto step = [&](const Tensor& x, const Tensor& y) {
    return [&network, x, y] { network.train_step(x, y, 0.1f); };
  };
  expect_error<ValueError>(step(Tensor({4, 3, 13, 11}), data.y),
                           "expected input of shape (None, 13, 11, 3); got (4, 3, 13, 11)");
  expect_error<ValueError>(step(Tensor({13, 11, 3}), data.y), "got (13, 11, 3)");
  expect_error<TypeError>(step(Tensor({4, 13, 11, 3}, DType::int64), data.y), "got int64");
  expect_error<ValueError>(step(Tensor({0, 13, 11, 3}), Tensor({0}, DType::int64)), "are empty");
  expect_error<ValueError>(step(data.x, rows(data.y, 0, 3)), "x and y differ in length");
  expect_error<ValueError>(step(data.x, Tensor({4, 5})), "expected integer labels (int64)");
  expect_error<ValueError>(step(data.x, Tensor({4, 1}, DType::int64)), "of shape (4, 1)");
  network.compile(test::one_loss("mean_squared_error"));
  expect_error<ValueError>(step(data.x, data.y), "expected targets (float32) of shape (4, 5)");
  expect_error<ValueError>(step(data.x, Tensor({4, 4})), "got float32 of shape (4, 4)");
  expect_error<ValueError>([&] { network.predict(Tensor({4, 13, 11, 1}), 4); }, "expected input");
  expect_error<ValueError>([&] { network.predict(data.x, 0); }, "batch_size must be at least 1");
  expect_error<ValueError>([&] { network.backward(data.x, Tensor({4, 4})); }, "expected dy");
}

TEST(NetworkErrors, Compile) {
  test::Net net = test::odd_net();
  Network network(std::move(net.graph), net.output, 20);
  const Data data = data_for(network, 4);
  expect_error<ValueError>([&] { network.train_step(data.x, data.y, 0.1f); }, "call compile first");
  expect_error<ValueError>([&] { network.compile(test::one_loss("hinge")); },
                           "[compile] unknown loss 'hinge'; known:");
  for (int k : {0, 6}) {
    CompileOptions options = sparse();
    options.outputs[0].top_k = {k};
    expect_error<ValueError>([&] { network.compile(options); }, "needs 1 <= k <= 5");
  }
  expect_error<ValueError>([&] { network.compile(sparse({1.0f, false, 0.0f})); }, "momentum");
  expect_error<ValueError>([&] { network.compile(sparse({0.0f, true, 0.0f})); }, "nesterov");
  expect_error<ValueError>([&] { network.compile(sparse({0.0f, false, -1.0f})); }, "weight_decay");
  test::Net picture = test::picture_net();
  Network pictures(std::move(picture.graph), picture.output, 20);
  expect_error<ValueError>(
      [&] { pictures.compile(test::one_loss("sparse_categorical_crossentropy")); },
      "expected an output of shape (None, classes); the network's is (None, 2, 2, 4)");
  expect_error<ValueError>(
      [&] { pictures.compile(test::one_loss("mean_squared_error", false, {}, {1})); },
      "accuracy expected an output of shape (None, classes)");
  test::Net other = test::odd_net();
  EXPECT_THROW(Network(std::move(other.graph), 99, 20), ValueError);
}

}  // namespace
}  // namespace pycnn
