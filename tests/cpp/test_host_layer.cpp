// Host layers (a user's own), interrupts, and the refusal of a second thread.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "core/error.h"
#include "runtime/interrupt.h"
#include "support.h"

namespace pycnn {
namespace {

using test::expect_error;
using test::host_net;
using test::Identity;
using test::same_bits;
using test::weights;

const Tensor kX = test::random_floats({37, 6}, 1);
const Tensor kY = test::random_labels(37, 5, 1);

test::Model make(std::shared_ptr<HostLayer> layer) {
  return {host_net(std::move(layer)), 4,
          test::one_loss("sparse_categorical_crossentropy", false, {0.9f, false, 0.0f}, {1})};
}

TEST(HostLayer, IdentityChangesNoBit) {
  // The layer moves the batch out of the blocks and back; the kernels around it get the same
  // numbers in the same order, so nothing is rounded differently.
  const auto run = [](std::shared_ptr<HostLayer> layer, int threads) {
    const test::ThreadCount count(threads);
    test::Model network = make(std::move(layer));
    for (int i = 0; i < 3; ++i) network.train_step(kX, kY, 0.1f);
    std::vector<Tensor> all = weights(network);
    all.push_back(network.predict(kX, 20));
    const Network::Gradients g = network.backward(kX, test::random_floats({37, 5}, 2));
    all.push_back(g.inputs[0]);
    all.insert(all.end(), g.parameters.begin(), g.parameters.end());
    return all;
  };
  const std::vector<Tensor> without = run(nullptr, 2);
  for (int threads : {1, 3}) {
    EXPECT_TRUE(same_bits(run(std::make_shared<Identity>(), threads), without)) << threads;
  }
}

TEST(HostLayer, SeesWholeBatchesAndWhetherItTrains) {
  const auto layer = std::make_shared<Identity>();
  test::Model network = make(layer);
  network.train_step(kX, kY, 0.1f);
  EXPECT_EQ(layer->training_calls, 1);
  EXPECT_EQ(layer->other_calls, 0);
  network.predict(kX, 20);  // 20 and 17
  network.evaluate(kX, kY, 10);
  EXPECT_EQ(layer->training_calls, 1);
  EXPECT_EQ(layer->other_calls, 2 + 4);
}

// y = scale * x with one weight.
class Scale : public HostLayer {
 public:
  Tensor forward(const Tensor& x, const std::vector<Tensor>& w, bool) override {
    x_ = x.clone();
    return times(x, w[0].data<float>()[0]);
  }
  Gradients backward(const Tensor& dy, const std::vector<Tensor>& w) override {
    Tensor dw({1});
    for (std::int64_t i = 0; i < dy.size(); ++i) {
      dw.data<float>()[0] += dy.data<float>()[i] * x_.data<float>()[i];
    }
    return {times(dy, w[0].data<float>()[0]), {dw}};
  }

 private:
  static Tensor times(const Tensor& x, float factor) {
    Tensor y(x.shape());
    for (std::int64_t i = 0; i < x.size(); ++i) y.data<float>()[i] = factor * x.data<float>()[i];
    return y;
  }
  Tensor x_;
};

TEST(HostLayer, ItsWeightsLearn) {
  // One number is all that the network has: output = w * input, target = 3 * input.
  Graph g({4});
  const ValueId v = g.host_layer(0, std::make_shared<Scale>(), {4},
                                 {{"scale", "", {1}, Initializer::ones}}, "own");
  Network network(std::move(g), v, 1);
  network.compile(test::one_loss("mean_squared_error"));
  const Tensor x = test::random_floats({40, 4}, 3);
  Tensor y(x.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) y.data<float>()[i] = 3.0f * x.data<float>()[i];
  for (int i = 0; i < 100; ++i) network.train_step(x, y, 0.3f);
  EXPECT_NEAR(network.get_parameter(0).data<float>()[0], 3.0f, 1e-4);
}

class WrongShape : public Identity {
 public:
  bool wrong_forward = false;
  Tensor forward(const Tensor& x, const std::vector<Tensor>& w, bool training) override {
    return wrong_forward ? Tensor({1, 7}) : Identity::forward(x, w, training);
  }
  Gradients backward(const Tensor&, const std::vector<Tensor>&) override {
    return {Tensor({37, 8}), {}};
  }
};

TEST(HostLayer, WrongResultsAreRefusedByName) {
  const auto layer = std::make_shared<WrongShape>();
  test::Model network = make(layer);
  const std::vector<Tensor> before = weights(network);
  expect_error<ValueError>(
      [&] { network.train_step(kX, kY, 0.1f); },
      "[PythonLayer 'own'] backward's result must be float32 of shape (37, 7)");
  layer->wrong_forward = true;
  expect_error<ValueError>([&] { network.predict(kX, 64); },
                           "[PythonLayer 'own'] forward's result must be float32 of shape (37, 7)");
  EXPECT_TRUE(same_bits(weights(network), before));
}

// A step that fails midway must leave no trace: the weights are as before, and later steps give
// what they give without the failure.
template <typename Fail>
void expect_no_trace(Fail fail) {
  const auto run = [&](bool with_failure) {
    const auto layer = std::make_shared<Identity>();
    test::Model network = make(layer);
    network.train_step(kX, kY, 0.1f);
    if (with_failure) {
      const std::vector<Tensor> before = weights(network);
      fail(network, *layer);
      layer->on_forward = layer->on_backward = {};
      EXPECT_TRUE(same_bits(weights(network), before));
    }
    network.train_step(kX, kY, 0.1f);
    return weights(network);
  };
  EXPECT_TRUE(same_bits(run(true), run(false)));
}

TEST(HostLayer, AnExceptionInForwardLeavesNoTrace) {
  for (int threads : {1, 3}) {
    const test::ThreadCount count(threads);
    expect_no_trace([](Network& network, Identity& layer) {
      layer.on_forward = [] { throw std::runtime_error("mine"); };
      expect_error<std::runtime_error>([&] { network.train_step(kX, kY, 0.1f); }, "mine");
    });
  }
}

TEST(HostLayer, AnExceptionInBackwardLeavesNoTrace) {
  for (int threads : {1, 3}) {
    const test::ThreadCount count(threads);
    expect_no_trace([](Network& network, Identity& layer) {
      layer.on_backward = [] { throw std::runtime_error("mine"); };
      expect_error<std::runtime_error>([&] { network.train_step(kX, kY, 0.1f); }, "mine");
    });
  }
}

// ---- interrupts

struct Stop {};

class InterruptCheck {
 public:
  explicit InterruptCheck(std::function<void()> check) { set_interrupt_check(std::move(check)); }
  ~InterruptCheck() { set_interrupt_check({}); }
};

// The callback is asked when 50 ms have passed, and only by the calling thread.
const auto kDue = std::chrono::milliseconds(60);

TEST(Interrupt, StopsAStepAndLeavesNoTrace) {
  const test::ThreadCount one(1);  // so that the calling thread is sure to have work
  expect_no_trace([](Network& network, Identity&) {
    const InterruptCheck check([] { throw Stop(); });
    std::this_thread::sleep_for(kDue);
    EXPECT_THROW(network.train_step(kX, kY, 0.1f), Stop);
  });
}

TEST(Interrupt, StopsAStepInTheMiddle) {
  const test::ThreadCount one(1);
  expect_no_trace([](Network& network, Identity& layer) {
    layer.on_forward = [] {
      set_interrupt_check([] { throw Stop(); });
      std::this_thread::sleep_for(kDue);
    };
    EXPECT_THROW(network.train_step(kX, kY, 0.1f), Stop);
    set_interrupt_check({});
  });
}

TEST(Interrupt, StopsAStepOnSeveralThreads) {
  const test::ThreadCount three(3);
  test::Model network = make(nullptr);
  const InterruptCheck check([] { throw Stop(); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  int stopped = 0;
  while (stopped < 3 && std::chrono::steady_clock::now() < deadline) {
    const std::vector<Tensor> before = weights(network);
    try {
      network.train_step(kX, kY, 0.01f);
    } catch (const Stop&) {
      ++stopped;
      EXPECT_TRUE(same_bits(weights(network), before));
    }
  }
  EXPECT_EQ(stopped, 3);
}

TEST(Interrupt, StopsPredictionAndEvaluation) {
  test::Model network = make(nullptr);
  const Tensor before = network.predict(kX, 37);
  const auto until_stopped = [](auto f) {
    const InterruptCheck check([] { throw Stop(); });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      try {
        f();
      } catch (const Stop&) {
        return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(until_stopped([&] { network.predict(kX, 37); }));
  EXPECT_TRUE(until_stopped([&] { network.evaluate(kX, kY, 37); }));
  EXPECT_TRUE(until_stopped([&] { network.backward(kX, Tensor({37, 5})); }));
  EXPECT_TRUE(same_bits(network.predict(kX, 37), before));
}

// ---- one thread at a time

TEST(Busy, ASecondThreadIsRefused) {
  const auto layer = std::make_shared<Identity>();
  test::Model network = make(layer);
  const std::vector<Tensor> before = weights(network);
  std::promise<void> inside, leave;
  layer->on_forward = [&] {
    inside.set_value();
    leave.get_future().wait();
  };
  std::thread first([&] { network.train_step(kX, kY, 0.1f); });
  inside.get_future().wait();
  const std::string text = "this model is at work in another thread";
  expect_error<BusyError>([&] { network.train_step(kX, kY, 0.1f); }, text);
  expect_error<BusyError>([&] { network.predict(kX, 37); }, text);
  expect_error<BusyError>([&] { network.evaluate(kX, kY, 37); }, text);
  expect_error<BusyError>([&] { network.get_parameter(0); }, text);
  expect_error<BusyError>([&] { network.set_parameter(0, before[0]); }, text);
  expect_error<BusyError>([&] { network.compile(test::one_loss("mean_squared_error")); }, text);
  leave.set_value();
  first.join();
  // The refused calls have done nothing: one step was made.
  test::Model other = make(std::make_shared<Identity>());
  other.train_step(kX, kY, 0.1f);
  EXPECT_TRUE(same_bits(weights(network), weights(other)));
}

TEST(Busy, ALayerMayNotUseItsOwnNetwork) {
  const auto layer = std::make_shared<Identity>();
  test::Model network = make(layer);
  const std::vector<Tensor> before = weights(network);
  layer->on_forward = [&] { network.predict(kX, 37); };
  expect_error<BusyError>([&] { network.train_step(kX, kY, 0.1f); },
                          "in the call that called here");
  layer->on_forward = {};
  EXPECT_TRUE(same_bits(weights(network), before));
  EXPECT_NO_THROW(network.train_step(kX, kY, 0.1f));
}

TEST(Busy, TwoNetworksWorkAtOnce) {
  test::Model alone = make(nullptr);
  for (int i = 0; i < 20; ++i) alone.train_step(kX, kY, 0.1f);
  std::vector<std::future<std::vector<Tensor>>> results;
  for (int t = 0; t < 3; ++t) {
    results.push_back(std::async(std::launch::async, [] {
      test::Model network = make(nullptr);
      for (int i = 0; i < 20; ++i) network.train_step(kX, kY, 0.1f);
      return weights(network);
    }));
  }
  for (auto& result : results) EXPECT_TRUE(same_bits(result.get(), weights(alone)));
}

}  // namespace
}  // namespace pycnn
