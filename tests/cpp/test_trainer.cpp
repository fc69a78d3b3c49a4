// The trainer: epochs in portions, orders, totals, and its errors.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "runtime/trainer.h"
#include "support.h"

namespace pycnn {
namespace {

using test::expect_error;
using test::rows;
using test::same_bits;
using test::weights;

constexpr double kForever = 1e9;
const Tensor kX = test::random_bytes({100, 2, 3, 2, 2}, 1);
const Tensor kY = test::random_labels(100, 5, 1);
const std::vector<float> kRates(1000, 1e-3f);

test::Model make() {
  return {test::dense_net(), 9,
          test::one_loss("sparse_categorical_crossentropy", true, {0.9f, false, 0.0f}, {1, 5})};
}

TEST(Trainer, RunsAnEpochWithAShortLastBatch) {
  test::Model network = make();
  Trainer trainer(network, kX, kY, 32, true);
  EXPECT_EQ(trainer.steps_per_epoch(), 4);
  trainer.start_epoch();
  const Progress p = trainer.run(kRates.data(), 1000, kForever);
  EXPECT_TRUE(p.done);
  EXPECT_EQ(p.step, 4);
  EXPECT_EQ(p.images, 100);
  ASSERT_EQ(p.hits.size(), 2U);
  EXPECT_EQ(p.hits[1], 100);  // among the top 5 of 5
  EXPECT_LE(p.hits[0], 100);
  EXPECT_TRUE(std::isfinite(p.loss()) && p.loss() > 0.0);
  // The epoch is over: a further run does nothing.
  const std::vector<Tensor> before = weights(network);
  EXPECT_EQ(trainer.run(kRates.data(), 5, kForever).step, 4);
  EXPECT_TRUE(same_bits(weights(network), before));
}

TEST(Trainer, WithoutShufflingItIsStepsOnConsecutiveRows) {
  test::Model by_hand = make(), trained = make();
  double loss_sum = 0;
  for (int first = 0; first < 100; first += 32) {
    const int count = std::min(32, 100 - first);
    loss_sum += by_hand.train_step(rows(kX, first, count), rows(kY, first, count), 1e-3f).loss_sum;
  }
  Trainer trainer(trained, kX, kY, 32, false);
  trainer.start_epoch();
  EXPECT_EQ(trainer.run(kRates.data(), 1000, kForever).loss_sum, loss_sum);
  EXPECT_TRUE(same_bits(weights(trained), weights(by_hand)));
}

TEST(Trainer, EachStepHasItsOwnRate) {
  test::Model by_hand = make(), trained = make();
  const float rates[] = {1e-3f, 0.0f, 5e-3f, 2e-4f};
  for (int i = 0; i < 4; ++i) {
    by_hand.train_step(rows(kX, i * 25, 25), rows(kY, i * 25, 25), rates[i]);
  }
  Trainer trainer(trained, kX, kY, 25, false);
  trainer.start_epoch();
  trainer.run(rates, 4, kForever);
  EXPECT_TRUE(same_bits(weights(trained), weights(by_hand)));
}

TEST(Trainer, PortionsGiveTheSameBits) {
  test::Model whole = make(), pieces = make();
  Trainer a(whole, kX, kY, 8, true), b(pieces, kX, kY, 8, true);
  for (int epoch = 0; epoch < 2; ++epoch) {
    a.start_epoch();
    b.start_epoch();
    const Progress at_once = a.run(kRates.data(), 1000, kForever);
    Progress p;
    for (int i = 0; !p.done; ++i) {
      p = b.run(kRates.data(), 1 + i % 3, kForever);
      ASSERT_LE(p.step, 13);
    }
    EXPECT_EQ(p.loss_sum, at_once.loss_sum);
    EXPECT_EQ(p.hits, at_once.hits);
  }
  EXPECT_TRUE(same_bits(weights(whole), weights(pieces)));
}

TEST(Trainer, TimeEndsAPortionAfterAtLeastOneStep) {
  test::Model network = make();
  Trainer trainer(network, kX, kY, 8, true);
  trainer.start_epoch();
  EXPECT_EQ(trainer.run(kRates.data(), 1000, 0.0).step, 1);
  EXPECT_EQ(trainer.run(kRates.data(), 1000, 0.0).step, 2);
  EXPECT_EQ(trainer.run(kRates.data(), 0, kForever).step, 2);
}

// One input, no bias, rate 0: the loss of each batch of one image tells which image it was.
std::vector<double> order_of(Trainer& trainer) {
  trainer.start_epoch();
  const float rate = 0.0f;
  std::vector<double> order;
  double before = 0;
  for (Progress p; !p.done;) {
    p = trainer.run(&rate, 1, kForever);
    order.push_back(std::round(std::sqrt(p.loss_sum - before)));
    before = p.loss_sum;
  }
  return order;
}

TEST(Trainer, EveryEpochHasEveryImageInAnOrderOfItsOwn) {
  const auto orders = [](std::uint64_t seed, bool shuffle) {
    Graph g({1});
    Network network(g, g.input(), seed);
    network.compile(test::one_loss("mean_squared_error"));
    Tensor x({50, 1}), y({50, 1});
    for (int i = 0; i < 50; ++i) x.data<float>()[i] = static_cast<float>(i);
    Trainer trainer(network, x, y, 1, shuffle);
    return std::vector{order_of(trainer), order_of(trainer)};
  };
  const auto sorted = [](std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v;
  };
  const auto plain = orders(1, false), a = orders(1, true), b = orders(1, true),
             c = orders(2, true);
  EXPECT_EQ(plain[0], sorted(plain[0]));
  EXPECT_EQ(std::set(plain[0].begin(), plain[0].end()).size(), 50U);
  for (const auto& order : {a[0], a[1], c[0]}) EXPECT_EQ(sorted(order), plain[0]);
  EXPECT_EQ(plain[0], plain[1]);
  EXPECT_NE(a[0], plain[0]);
  EXPECT_NE(a[0], a[1]);
  EXPECT_NE(a[0], c[0]);
  EXPECT_EQ(a, b);
}

TEST(Trainer, LabelsAreCheckedOnceAndCannotChangeAfterwards) {
  test::Model network = make(), other = make();
  Tensor y = kY.clone();
  Trainer trainer(network, kX, y, 32, true), reference(other, kX, kY, 32, true);
  std::fill_n(y.data<std::int64_t>(), 100, std::int64_t{1} << 40);
  trainer.start_epoch();
  reference.start_epoch();
  EXPECT_EQ(trainer.run(kRates.data(), 9, kForever).loss_sum,
            reference.run(kRates.data(), 9, kForever).loss_sum);
}

TEST(Trainer, ItLearns) {
  // Five classes that a dense network can tell apart: the class is the largest of five numbers.
  Graph g({5});
  ValueId v = g.activation(g.dense(0, {16}), Activation::relu);
  v = g.activation(g.dense(v, {5}), Activation::softmax);
  Network network(std::move(g), v, 3);
  network.compile(
      test::one_loss("sparse_categorical_crossentropy", false, {0.9f, true, 0.0f}, {1}));
  const Tensor x = test::random_floats({2000, 5}, 8);
  Tensor y({2000}, DType::int64);
  for (int i = 0; i < 2000; ++i) {
    const float* row = x.data<float>() + i * 5;
    y.data<std::int64_t>()[i] = std::max_element(row, row + 5) - row;
  }
  Trainer trainer(network, x, y, 50, true);
  const std::vector<float> rates(40, 0.1f);
  for (int epoch = 0; epoch < 20; ++epoch) {
    trainer.start_epoch();
    trainer.run(rates.data(), 40, kForever);
  }
  EXPECT_GT(network.evaluate(x, y, 100).hits[0], 1900);
}

TEST(TrainerErrors, Arguments) {
  test::Model network = make();
  expect_error<ValueError>([&] { Trainer(network, kX, kY, 0, true); },
                           "batch_size must be at least 1");
  expect_error<ValueError>([&] { Trainer(network, kX, rows(kY, 0, 99), 8, true); },
                           "differ in length");
  expect_error<ValueError>([&] { Trainer(network, Tensor({3, 4}), kY, 8, true); },
                           "expected input");
  Trainer trainer(network, kX, kY, 8, true);
  expect_error<ValueError>([&] { trainer.run(kRates.data(), 1, kForever); },
                           "[Trainer] call start_epoch before run");
}

TEST(TrainerErrors, CompiledForOtherTargetsSince) {
  test::Model network = make();
  Trainer trainer(network, kX, kY, 8, true);
  trainer.start_epoch();
  network.compile(test::one_loss("mean_squared_error"));
  expect_error<ValueError>([&] { trainer.run(kRates.data(), 1, kForever); }, "expected targets");
}

TEST(TrainerErrors, ALossThatIsNotFiniteNamesTheStep) {
  test::Net net = test::dense_net();
  Network network(std::move(net.graph), net.output, 1);
  network.compile(test::one_loss("sparse_categorical_crossentropy", true));
  Tensor x = test::random_floats({40, 2, 3, 2, 2}, 1);
  x.data<float>()[20 * 24] = INFINITY;  // in the third batch of eight
  Trainer trainer(network, x, rows(kY, 0, 40), 8, false);
  trainer.start_epoch();
  trainer.run(kRates.data(), 2, kForever);
  const std::vector<Tensor> before = weights(network);
  expect_error<FloatingPointError>([&] { trainer.run(kRates.data(), 9, kForever); },
                                   "step 3 of 5: the loss is nan: the input data are not finite");
  EXPECT_TRUE(same_bits(weights(network), before));
}

TEST(Trainer, AHugeBatchSizeIsOneBatch) {
  test::Model network = make();
  Trainer trainer(network, kX, kY, std::numeric_limits<std::int64_t>::max(), true);
  EXPECT_EQ(trainer.steps_per_epoch(), 1);
  trainer.start_epoch();
  const Progress p = trainer.run(kRates.data(), 9, kForever);
  EXPECT_TRUE(p.done);
  EXPECT_EQ(p.images, 100);
}

}  // namespace
}  // namespace pycnn
