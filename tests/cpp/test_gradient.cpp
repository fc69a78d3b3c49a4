// Gradients of whole networks against central differences. float32 limits the comparison to about
// three digits: the difference of two losses of order 1 has an error of 1e-7, divided by the step
// of 2e-2; and the step itself leaves an error of its square.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support.h"

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
    ASSERT_EQ(g.input.shape(), x.shape());
    expect_differences(x, g.input, [](const Tensor&) {}, f, "input");  // shares x's storage
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
    network.compile({loss, labels, {}, {}});
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

}  // namespace
}  // namespace pycnn
