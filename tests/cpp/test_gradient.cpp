// Gradients of whole networks against central differences. float32 limits the comparison to about
// three digits: the difference of two losses of order 1 has an error of 1e-7, divided by the step
// of 2e-2; and the step itself leaves an error of its square.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "branching_nets.h"

namespace pycnn {
namespace {

constexpr float kStep = 1e-2f;
constexpr double kBound = 2e-3;

// Smooth throughout, so that differences approach derivatives: both paddings, strides, lopsided
// padding, overlapping mean pooling, softmax in the middle.
test::Net smooth_net() {
  Graph g({6, 5, 2});
  ValueId v = g.rescale(g.input(), {0.8f, 0.1f});
  v = g.activation(g.conv2d(v, test::conv(3, {3, 3}, test::same(), {2, 1})), Activation::tanh);
  v = g.avg_pool2d(v, {{2, 3}, {1, 2}, test::same()});
  v = g.activation(g.conv2d(v, test::conv(4, {2, 2}, test::around(1, 0, 0, 1))),
                   Activation::sigmoid);
  v = g.activation(g.dense(g.flatten(v), {6}), Activation::softmax);
  v = g.dense(v, {3});
  return {std::move(g), v};
}

double objective(Network& network, const Tensor& x, const Tensor& dy) {
  const Tensor y = network.predict(x, x.shape()[0]);
  double sum = 0;
  for (std::int64_t i = 0; i < y.size(); ++i)
    sum += double(y.data<float>()[i]) * dy.data<float>()[i];
  return sum;
}

// d objective / d values[i] by central differences; `use` puts the changed values to use.
template <typename Use, typename F>
void expect_differences(Tensor values, const Tensor& gradient, Use use, F f,
                        const std::string& what) {
  // At most about forty elements of each array, spread over it.
  const std::int64_t stride = std::max<std::int64_t>(values.size() / 40, 1);
  for (std::int64_t i = 0; i < values.size(); i += stride) {
    float& v = values.data<float>()[i];
    const float before = v;
    const auto at = [&](float moved) {
      v = moved;
      use(values);
      return f();
    };
    const double difference = at(before + kStep) - at(before - kStep);
    v = before;
    use(values);
    EXPECT_NEAR(gradient.data<float>()[i], difference / (2.0 * kStep), kBound)
        << what << ", element " << i;
  }
}

TEST(Gradient, BackwardAgreesWithCentralDifferences) {
  for (bool fuse : {true, false}) {
    std::unique_ptr<test::PlainPlans> plain;
    if (!fuse) plain = std::make_unique<test::PlainPlans>();
    test::Net net = smooth_net();
    Network network(std::move(net.graph), net.output, 3);
    Tensor x = test::random_floats({2, 6, 5, 2}, 1);
    const Tensor dy = test::random_floats({2, 3}, 2);
    const Network::Gradients g = network.backward(x, dy);
    const auto f = [&] { return objective(network, x, dy); };
    ASSERT_EQ(g.inputs[0].shape(), x.shape());
    expect_differences(x, g.inputs[0], [](const Tensor&) {}, f, "input");  // shares x's storage
    ASSERT_EQ(g.parameters.size(), 8U);
    for (ParameterId p = 0; p < 8; ++p) {
      expect_differences(
          network.get_parameter(p), g.parameters[static_cast<std::size_t>(p)],
          [&](const Tensor& values) { network.set_parameter(p, values); }, f,
          "parameter " + std::to_string(p));
    }
  }
}

// The gradient that a training step used, read from a step of plain SGD with rate 1.
TEST(Gradient, TrainingStepsAgreeWithCentralDifferences) {
  for (const char* loss : {"sparse_categorical_crossentropy", "mean_squared_error"}) {
    const bool labels = loss[0] == 's';
    test::Net net = smooth_net();
    Network network(std::move(net.graph), net.output, 3);
    network.compile(test::one_loss(loss, labels));
    const Tensor x = test::random_floats({5, 6, 5, 2}, 1);
    const Tensor y = labels ? test::random_labels(5, 3, 2) : test::random_floats({5, 3}, 2);
    const std::vector<Tensor> before = test::weights(network);
    network.train_step(x, y, 1.0f);
    const std::vector<Tensor> after = test::weights(network);
    for (std::size_t p = 0; p < before.size(); ++p) {
      network.set_parameter(static_cast<ParameterId>(p), before[p]);
    }
    for (std::size_t p = 0; p < before.size(); ++p) {
      Tensor gradient(before[p].shape());
      for (std::int64_t i = 0; i < gradient.size(); ++i) {
        gradient.data<float>()[i] = before[p].data<float>()[i] - after[p].data<float>()[i];
      }
      expect_differences(
          before[p].clone(), gradient,
          [&](const Tensor& values) { network.set_parameter(static_cast<ParameterId>(p), values); },
          [&] { return network.evaluate(x, y, 5).loss(); },
          std::string(loss) + ", parameter " + std::to_string(p));
    }
  }
}

// ---- graphs that are no chain

struct Case {
  const char* name;
  test::Net net;
};

std::vector<Case> branching() {
  return {{"residual", test::residual_net(true)}, {"inception", test::inception_net(true)},
          {"reshaped", test::reshaped_net(true)}, {"further", test::further_net(true)},
          {"shared", test::shared_net(true)},     {"augmented", test::augmented_net(true)}};
}

// Statistics are not trained: they have no gradient.
void expect_parameter_differences(Network& network, const Tensors& gradients, auto f,
                                  const std::string& what) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const auto p = static_cast<ParameterId>(i);
    const Parameter& parameter = network.graph().parameters()[i];
    if (!parameter.trainable) continue;
    expect_differences(
        network.get_parameter(p), gradients[i],
        [&](const Tensor& values) { network.set_parameter(p, values); }, f,
        what + ", " + parameter.layer + "/" + parameter.name);
  }
}

TEST(Gradient, BranchesAgreeWithCentralDifferences) {
  for (auto& [name, net] : branching()) {
    test::Model network(std::move(net), 3, test::one_loss("mean_squared_error"));
    const Shape& image = network.graph().shape(network.graph().input());
    Tensor x = test::random_floats(test::batched(18, image), 1);  // two blocks, one short
    const Tensor dy = test::random_floats({18, 5}, 2, -0.5f, 0.5f);
    const Network::Gradients g = network.backward(x, dy);
    const auto f = [&] { return objective(network, x, dy); };
    expect_differences(x, g.inputs[0], [](const Tensor&) {}, f, std::string(name) + ", input");
    expect_parameter_differences(network, g.parameters, f, name);
  }
}

TEST(Gradient, BranchesInTrainingAgreeWithCentralDifferences) {
  for (auto& [name, net] : branching()) {
    test::Model network(std::move(net), 3, test::one_loss("mean_squared_error"));
    const Shape& image = network.graph().shape(network.graph().input());
    Tensor x = test::random_floats(test::batched(18, image), 1);
    const Tensor dy = test::random_floats({18, 5}, 2, -0.5f, 0.5f);
    Tensor minus_dy(dy.shape());
    for (std::int64_t i = 0; i < dy.size(); ++i) minus_dy.data<float>()[i] = -dy.data<float>()[i];
    const Network::Gradients g = network.backward(x, dy, true);
    // Steps of rate 0 tell what the network makes of x in training, in numbers that are linear in
    // it: the means of (y + dy)^2 and (y - dy)^2 differ by the mean of 4 y dy.
    const auto f = [&] {
      return (network.train_step(x, minus_dy, 0.0f).loss() -
              network.train_step(x, dy, 0.0f).loss()) *
             double(dy.size()) / 4.0;
    };
    expect_differences(x, g.inputs[0], [](const Tensor&) {}, f, std::string(name) + ", input");
    expect_parameter_differences(network, g.parameters, f, name);
  }
}

TEST(Gradient, StepsOfTwoHeadsAgreeWithCentralDifferences) {
  test::Nets net = test::two_headed_net(true);
  Network network(std::move(net.graph), net.outputs, 3);
  network.compile(test::two_losses());
  const test::Lists data = test::data_for_two_heads(18);
  const std::vector<Tensor> before = test::weights(network);
  network.train_step(data.x, data.y, 1.0f);
  Tensors gradients;
  for (std::size_t p = 0; p < before.size(); ++p) {
    const Tensor after = network.get_parameter(static_cast<ParameterId>(p));
    Tensor& gradient = gradients.emplace_back(after.shape());
    for (std::int64_t i = 0; i < gradient.size(); ++i) {
      gradient.data<float>()[i] = before[p].data<float>()[i] - after.data<float>()[i];
    }
    network.set_parameter(static_cast<ParameterId>(p), before[p]);
  }
  expect_parameter_differences(
      network, gradients, [&] { return network.train_step(data.x, data.y, 0.0f).loss(); },
      "two heads");
}

}  // namespace
}  // namespace pycnn
