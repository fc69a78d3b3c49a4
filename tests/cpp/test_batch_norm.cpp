// Batch normalization in networks: statistics over exactly the images of a batch, and moving
// statistics that only a step that counts moves.

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "branching_nets.h"
#include "core/error.h"

namespace pycnn {
namespace {

using test::data_for;
using test::make;
using test::rows;
using test::same_bits;
using test::weights;

constexpr int kMovingMean = 2, kMovingVariance = 3;  // after gamma and beta

struct Moments {
  double mean, variance;
};

Moments moments(const Tensor& x, int channel) {
  const std::int64_t channels = x.shape().back(), n = x.size() / channels;
  Moments m{0, 0};
  for (std::int64_t i = 0; i < n; ++i) m.mean += double(x.data<float>()[i * channels + channel]);
  m.mean /= double(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const double d = double(x.data<float>()[i * channels + channel]) - m.mean;
    m.variance += d * d / double(n);
  }
  return m;
}

TEST(BatchNorm, StatisticsAreThoseOfTheImagesOfTheBatch) {
  Graph g({3, 2, 5});
  const ValueId v = g.batch_norm(g.input(), {.momentum = 0.75f}, "norm");
  Network network(std::move(g), v, 1);
  network.compile(test::one_loss("mean_squared_error"));
  const Tensor x = test::random_floats({300, 3, 2, 5}, 1, 1.0f, 4.0f), y(x.shape());
  std::vector<double> mean(5, 0.0), variance(5, 1.0);
  // Full blocks first: what they leave in the memory must not count in the short ones.
  for (int count : {300, 33, 17, 16, 15, 1}) {
    const Tensor part = rows(x, 300 - count, count);
    network.train_step(part, rows(y, 0, count), 0.0f);
    const Tensor moved_mean = network.get_parameter(kMovingMean),
                 moved_variance = network.get_parameter(kMovingVariance);
    for (int c = 0; c < 5; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const Moments m = moments(part, c);
      mean[i] = 0.75 * mean[i] + 0.25 * m.mean;
      variance[i] = 0.75 * variance[i] + 0.25 * m.variance;
      EXPECT_NEAR(moved_mean.data<float>()[c], mean[i], 2e-6) << count << " images";
      EXPECT_NEAR(moved_variance.data<float>()[c], variance[i], 2e-6) << count << " images";
    }
  }
}

TEST(BatchNorm, TrainingStepsSeeNormalizedImages) {
  // Against targets of zeros, the loss is the mean of the squares: variance / (variance + epsilon).
  Graph g({3, 2, 1});
  const ValueId v = g.batch_norm(g.input(), {.epsilon = 0.125f}, "norm");
  Network network(std::move(g), v, 1);
  network.compile(test::one_loss("mean_squared_error"));
  const Tensor x = test::random_floats({33, 3, 2, 1}, 1, 1.0f, 4.0f);
  for (int count : {33, 17, 16, 15, 1}) {
    const Tensor part = rows(x, 0, count);
    const double variance = moments(part, 0).variance;
    EXPECT_NEAR(network.train_step(part, Tensor(part.shape()), 0.0f).loss(),
                variance / (variance + 0.125), 2e-6)
        << count << " images";
  }
}

TEST(BatchNorm, OutsideTrainingImagesDoNotSeeTheirNeighbours) {
  const test::ChosenLanes lanes("images");
  test::Model network = make(test::residual_net());
  const test::Data data = data_for(network, 33);
  network.train_step(data.x, data.y, 0.1f);
  const std::vector<Tensor> before = weights(network);
  const Tensor all = network.predict(data.x, 33);
  for (int count : {1, 15, 16, 17, 33}) {
    EXPECT_TRUE(same_bits(network.predict(rows(data.x, 0, count), 7), rows(all, 0, count)))
        << count;
  }
  network.evaluate(data.x, data.y, 8);
  network.backward(data.x, test::random_floats({33, 5}, 1));
  network.backward(data.x, test::random_floats({33, 5}, 1), true);
  EXPECT_TRUE(same_bits(weights(network), before));  // only steps move the statistics
}

TEST(BatchNorm, ARefusedStepMovesNoStatistics) {
  for (int threads : {1, 3}) {
    const test::ThreadCount count(threads);
    const auto run = [](bool with_failure) {
      test::Model network = make(test::residual_net());
      const test::Data data = data_for(network, 64);
      network.train_step(data.x, data.y, 0.1f);
      if (with_failure) {
        const std::vector<Tensor> before = weights(network);
        Tensor bad = data.x.clone();
        bad.data<float>()[bad.size() - 1] = NAN;
        EXPECT_THROW(network.train_step(bad, data.y, 0.1f), FloatingPointError);
        EXPECT_TRUE(same_bits(weights(network), before));
      }
      // A short batch: nothing of the poisoned lanes and blocks may come through.
      network.train_step(rows(data.x, 0, 3), rows(data.y, 0, 3), 0.1f);
      return weights(network);
    };
    EXPECT_TRUE(same_bits(run(false), run(true))) << threads << " threads";
  }
}

TEST(BatchNorm, AnExceptionOfAnotherLayerMovesNoStatistics) {
  const auto layer = std::make_shared<test::Identity>();
  Graph g({6});
  ValueId v = g.batch_norm(g.dense(g.input(), {7}, "d1"), {}, "norm");
  v = g.dense(g.host_layer(v, layer, {7}, {}, "own"), {5}, "d2");
  Network network(std::move(g), v, 1);
  network.compile(test::one_loss("sparse_categorical_crossentropy", true));
  const Tensor x = test::random_floats({37, 6}, 1), y = test::random_labels(37, 5, 1);
  const std::vector<Tensor> before = weights(network);
  layer->on_backward = [] { throw std::runtime_error("mine"); };
  EXPECT_THROW(network.train_step(x, y, 0.1f), std::runtime_error);
  EXPECT_TRUE(same_bits(weights(network), before));
  layer->on_backward = {};
  network.train_step(x, y, 0.1f);
  for (std::size_t i = 0; i < before.size(); ++i) {
    // The bias before a batch normalization has no effect, so no gradient to speak of.
    if (i == 1) continue;
    EXPECT_FALSE(same_bits(network.get_parameter(static_cast<ParameterId>(i)), before[i])) << i;
  }
}

}  // namespace
}  // namespace pycnn
