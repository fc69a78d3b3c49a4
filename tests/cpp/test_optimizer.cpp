// Optimizers in C++: every rule with every clipping, the penalties, bad options.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/thread_pool.h"
#include "runtime/network.h"

namespace pycnn {
namespace {

constexpr int kImages = 40, kInputs = 70, kUnits = 50, kClasses = 3;

// The hidden kernel has 3500 weights: two pieces, the last one short.
Graph make_graph(const Penalty& penalty) {
  Graph graph({kInputs});
  const ValueId hidden = graph.dense(graph.input(), {kUnits}, "hidden");
  graph.regularize(hidden, "kernel", penalty);
  graph.dense(graph.activation(hidden, Activation::relu), {kClasses}, "last");
  return graph;
}

struct Trained {
  std::vector<double> losses;
  std::vector<float> weights;
};

Trained train(const OptimizerOptions& optimizer, int threads, float rate = 0.01f,
              const Penalty& penalty = {0.001f, 0.01f}) {
  set_num_threads(threads);
  Graph graph = make_graph(penalty);
  const ValueId output = graph.value_count() - 1;
  Network network(std::move(graph), {output}, 3);
  CompileOptions options;
  options.outputs.push_back({"sparse_categorical_crossentropy", true, 1.0f, {}});
  options.optimizer = optimizer;
  network.compile(options);
  Tensor x({kImages, kInputs}), y({kImages}, DType::int64);
  for (std::int64_t i = 0; i < kImages; ++i) {
    y.data<std::int64_t>()[i] = i % kClasses;
    for (std::int64_t j = 0; j < kInputs; ++j) {
      x.data<float>()[i * kInputs + j] = j % kClasses == i % kClasses ? 1.0f : 0.25f;
    }
  }
  Trained result;
  for (int step = 0; step < 8; ++step) {
    result.losses.push_back(network.train_step(Tensors{x}, Tensors{y}, rate).loss());
  }
  result.losses.push_back(network.evaluate({x}, {y}, 16).loss());
  for (std::size_t p = 0; p < network.graph().parameters().size(); ++p) {
    const Tensor w = network.get_parameter(static_cast<ParameterId>(p));
    result.weights.insert(result.weights.end(), w.data<float>(), w.data<float>() + w.size());
  }
  return result;
}

const std::vector<UpdateRule> kRules{
    SgdOptions{},     SgdOptions{0.9f, true, 0.01f},
    AdamOptions{},    AdamOptions{0.9, 0.999, 1e-7f, true, 0.004f},
    RmspropOptions{}, RmspropOptions{0.9, 0.5f, 1e-3f, true, 0.01f},
};
const std::vector<Clipping> kClippings{
    {}, {0.1f, 0.0f, 0.0f}, {0.0f, 0.1f, 0.0f}, {0.0f, 0.0f, 0.01f}};

TEST(Optimizer, EveryRuleLearnsWithTheSameBitsOnAnyThreads) {
  const int before = num_threads();
  for (std::size_t r = 0; r < kRules.size(); ++r) {
    for (std::size_t c = 0; c < kClippings.size(); ++c) {
      const Trained one = train({kRules[r], kClippings[c]}, 1);
      EXPECT_LT(one.losses.back(), one.losses.front()) << "rule " << r << ", clipping " << c;
      for (int threads : {2, 3, 8}) {
        const Trained several = train({kRules[r], kClippings[c]}, threads);
        EXPECT_EQ(several.losses, one.losses) << "rule " << r << ", clipping " << c;
        ASSERT_EQ(several.weights.size(), one.weights.size());
        EXPECT_EQ(std::memcmp(several.weights.data(), one.weights.data(),
                              one.weights.size() * sizeof(float)),
                  0)
            << "rule " << r << ", clipping " << c << ", threads " << threads;
      }
    }
  }
  set_num_threads(before);
}

TEST(Optimizer, ThePenaltyIsPartOfTheLoss) {
  const int before = num_threads();
  const Trained plain = train(SgdOptions{}, 2, 0.0f, {});
  const Trained penalized = train(SgdOptions{}, 2, 0.0f, {0.5f, 0.25f});
  double expected = 0;
  for (int i = 0; i < kInputs * kUnits; ++i) {
    const double w = double(plain.weights[static_cast<std::size_t>(i)]);
    expected += 0.5 * std::abs(w) + 0.25 * w * w;
  }
  for (std::size_t i = 0; i < plain.losses.size(); ++i) {
    EXPECT_NEAR(penalized.losses[i] - plain.losses[i], expected, 1e-9 * expected);
  }
  set_num_threads(before);
}

void expect_refused(const OptimizerOptions& options, const std::string& start) {
  try {
    check_optimizer(options);
    ADD_FAILURE() << "taken: " << start;
  } catch (const ValueError& e) {
    EXPECT_EQ(std::string(e.what()).rfind(start, 0), 0u) << e.what();
  }
}

TEST(Optimizer, OptionsOutOfRangeAreRefused) {
  expect_refused(SgdOptions{1.0f}, "[SGD] momentum must be in [0, 1); got 1");
  expect_refused(SgdOptions{0.0f, true}, "[SGD] nesterov=True");
  expect_refused(AdamOptions{-0.5}, "[Adam] beta_1 must be in [0, 1); got -0.5");
  expect_refused(AdamOptions{0.9, std::nan("")}, "[Adam] beta_2");
  expect_refused(RmspropOptions{0.9, 0.0f, 0.0f}, "[RMSprop] epsilon");
  expect_refused({SgdOptions{}, {-1.0f, 0.0f, 0.0f}}, "[optimizer] clipnorm");
  expect_refused({SgdOptions{}, {1.0f, 0.0f, 1.0f}}, "[optimizer] only one of");
}

}  // namespace
}  // namespace pycnn
