// Networks: the same numbers whatever the threads, the fusion and the batch.

#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "branching_nets.h"
#include "core/error.h"

namespace pycnn {
namespace {

using test::Data;
using test::data_for;
using test::expect_error;
using test::make;
using test::random_bytes;
using test::random_floats;
using test::random_labels;
using test::rows;
using test::same_bits;
using test::sparse;
using test::weights;

// What a few steps on batches of different sizes make of the network.
struct Result {
  std::vector<Tensor> weights;
  std::vector<double> losses;
  Tensor predictions;
};

Result train(test::Net net) {
  test::Model network = make(std::move(net));
  Result result;
  const Data data = data_for(network, 300);
  for (const auto& [first, count] : {std::pair{0, 70}, {70, 33}, {103, 16}, {119, 1}, {0, 300}}) {
    const Totals t =
        network.train_step(rows(data.x, first, count), rows(data.y, first, count), 0.05f);
    result.losses.push_back(t.loss_sum);
  }
  result.weights = weights(network);
  result.predictions = network.predict(data.x, 64);
  return result;
}

void expect_same(const Result& a, const Result& b, const std::string& what) {
  EXPECT_TRUE(same_bits(a.weights, b.weights)) << what;
  EXPECT_EQ(a.losses, b.losses) << what;
  EXPECT_TRUE(same_bits(a.predictions, b.predictions)) << what;
}

const std::vector<std::pair<std::string, test::Net (*)()>> kNets{
    {"lenet5", test::lenet5},
    {"odd", test::odd_net},
    {"dense", test::dense_net},
    {"residual", [] { return test::residual_net(); }},
    {"inception", [] { return test::inception_net(); }},
    {"reshaped", [] { return test::reshaped_net(); }},
    {"further", [] { return test::further_net(); }},
    {"shared", [] { return test::shared_net(); }},
    {"augmented", [] { return test::augmented_net(); }}};

CompileOptions loss_of(const std::string& name) {
  CompileOptions options = sparse();
  options.outputs[0].from_logits = name == "dense";  // has no softmax
  return options;
}

class NetworkOnIsa : public testing::TestWithParam<std::string> {
 protected:
  test::InstructionSet isa_{GetParam()};
};

TEST_P(NetworkOnIsa, SameBitsForAnyNumberOfThreads) {
  for (const auto& [name, net] : kNets) {
    const auto with = [&net = net](int count) {
      const test::ThreadCount threads(count);
      return train(net());
    };
    const Result one = with(1);
    for (int threads : {2, 3, 8}) {
      expect_same(one, with(threads), name + " on " + std::to_string(threads) + " threads");
    }
  }
}

TEST_P(NetworkOnIsa, SameBitsFromRunToRun) {
  const test::ThreadCount threads(3);
  for (const auto& [name, net] : kNets) expect_same(train(net()), train(net()), name);
}

TEST_P(NetworkOnIsa, FusedAndPlainAgree) {
  for (const auto& [name, net] : kNets) {
    test::Model fused = make(net(), loss_of(name));
    const Data data = data_for(fused, 37);
    const Totals fused_totals = fused.train_step(data.x, data.y, 0.05f);
    const test::PlainPlans plain_plans;
    test::Model plain = make(net(), loss_of(name));
    EXPECT_NE(fused.plan_report(), plain.plan_report()) << name << ": nothing was fused";
    const Totals plain_totals = plain.train_step(data.x, data.y, 0.05f);
    EXPECT_NEAR(fused_totals.loss(), plain_totals.loss(), 1e-5) << name;
    EXPECT_EQ(fused_totals.hits, plain_totals.hits) << name;
    const std::vector<Tensor> a = weights(fused), b = weights(plain);
    // A step of 0.05 times gradients of order 1, each rounded at 1e-7 of sums of hundreds.
    for (std::size_t i = 0; i < a.size(); ++i) test::expect_near(a[i], b[i], 2e-6, name);
    test::expect_near(fused.predict(data.x, 16), plain.predict(data.x, 16), 1e-5, name);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, NetworkOnIsa, testing::ValuesIn(cpu::available_isas()),
                         [](const auto& info) { return info.param; });

TEST(Network, FusedAndPlainPicturesAgree) {
  const CompileOptions options = test::one_loss("mean_squared_error");
  const auto step = [&] {
    test::Model network = make(test::picture_net(), options);
    const Tensor x = random_floats({21, 9, 9, 2}, 3), y = random_floats({21, 2, 2, 4}, 4);
    EXPECT_GT(network.train_step(x, y, 0.1f).loss(), 0.0);
    return weights(network);
  };
  const std::vector<Tensor> fused = step();
  const test::PlainPlans plain_plans;
  const std::vector<Tensor> plain = step();
  for (std::size_t i = 0; i < fused.size(); ++i) test::expect_near(fused[i], plain[i], 2e-6, "");
}

// ---- seeds and weights

TEST(Network, TheSeedMakesTheWeights) {
  const auto initial = [](std::uint64_t seed) {
    test::Net net = test::lenet5();
    return weights(Network(std::move(net.graph), net.output, seed));
  };
  EXPECT_TRUE(same_bits(initial(1), initial(1)));
  EXPECT_FALSE(same_bits(initial(1), initial(2)));
}

TEST(Network, WeightsGoInAndOut) {
  test::Model network = make(test::dense_net());
  const Tensor value = random_floats({33, 5}, 8);
  network.set_parameter(2, value);
  EXPECT_TRUE(same_bits(network.get_parameter(2), value));
  expect_error<ValueError>([&] { network.set_parameter(2, Tensor({5, 33})); },
                           "weight 'kernel' of layer 'd2' has shape (33, 5); got (5, 33)");
  expect_error<ValueError>([&] { network.set_parameter(4, value); }, "there is no parameter 4");
  expect_error<ValueError>([&] { network.get_parameter(-1); }, "there is no parameter -1");
  expect_error<TypeError>([&] { network.set_parameter(2, Tensor({33, 5}, DType::int64)); },
                          "received int64");
  EXPECT_TRUE(same_bits(network.get_parameter(2), value));
}

TEST(Network, AGivenWeightIsACopy) {
  test::Model network = make(test::dense_net());
  network.get_parameter(0).data<float>()[0] = 1e9f;
  EXPECT_NE(network.get_parameter(0).data<float>()[0], 1e9f);
}

TEST(Network, CompileStartsTheOptimizerAfresh) {
  test::Model network = make(test::dense_net());
  const Data data = data_for(network, 20);
  const std::vector<Tensor> start = weights(network);
  network.train_step(data.x, data.y, 0.1f);
  const std::vector<Tensor> first = weights(network);
  for (std::size_t i = 0; i < start.size(); ++i) {
    network.set_parameter(static_cast<ParameterId>(i), start[i]);
  }
  network.compile(sparse());  // else the momentum of the first step would act on the next
  network.train_step(data.x, data.y, 0.1f);
  EXPECT_TRUE(same_bits(weights(network), first));
}

// ---- batches

TEST(Network, ImagesDoNotSeeTheirNeighbours) {
  const test::ChosenLanes lanes("images");
  test::Model network = make(test::odd_net());
  const Data data = data_for(network, 33);
  const Tensor all = network.predict(data.x, 33);
  for (int count : {1, 15, 16, 17, 33}) {
    const Tensor some = network.predict(rows(data.x, 0, count), 7);
    EXPECT_TRUE(same_bits(some, rows(all, 0, count))) << count;
  }
  EXPECT_TRUE(same_bits(network.predict(rows(data.x, 32, 1), 1), rows(all, 32, 1)));
}

TEST(Network, ShortBatchesCountOnlyTheirImages) {
  const test::ChosenLanes lanes("images");
  test::Model network = make(test::odd_net());
  const Data data = data_for(network, 33);
  for (int count : {1, 15, 16, 17, 33}) {
    double loss = 0;
    std::vector<std::int64_t> hits{0, 0};
    for (int i = 0; i < count; ++i) {
      const Totals one = network.evaluate(rows(data.x, i, 1), rows(data.y, i, 1), 1);
      loss += one.loss_sum;
      for (std::size_t k = 0; k < 2; ++k) hits[k] += one.hits[k];
    }
    const Totals together = network.evaluate(rows(data.x, 0, count), rows(data.y, 0, count), 10);
    EXPECT_EQ(together.images, count);
    EXPECT_DOUBLE_EQ(together.loss_sum, loss) << count;
    EXPECT_EQ(together.hits, hits) << count;
  }
}

// The gradient of a step on some of 300 images, read from a step of plain SGD with rate 1.
std::vector<Tensor> step_gradient(int first, int count) {
  test::Model network = make(test::odd_net(), sparse({}));
  const Data data = data_for(network, 300);
  const std::vector<Tensor> before = weights(network);
  network.train_step(rows(data.x, first, count), rows(data.y, first, count), 1.0f);
  std::vector<Tensor> g = weights(network);
  for (std::size_t p = 0; p < g.size(); ++p) {
    for (std::int64_t i = 0; i < g[p].size(); ++i) {
      g[p].data<float>()[i] = before[p].data<float>()[i] - g[p].data<float>()[i];
    }
  }
  return g;
}

// The gradient of `parts * size` images is the mean of the parts' gradients.
void expect_mean_of_parts(int parts, int size) {
  const std::vector<Tensor> together = step_gradient(0, parts * size);
  std::vector<Tensor> mean;
  for (const Tensor& t : together) mean.emplace_back(t.shape());
  for (int i = 0; i < parts; ++i) {
    const std::vector<Tensor> part = step_gradient(i * size, size);
    for (std::size_t p = 0; p < mean.size(); ++p) {
      for (std::int64_t k = 0; k < mean[p].size(); ++k) {
        mean[p].data<float>()[k] += part[p].data<float>()[k] / static_cast<float>(parts);
      }
    }
  }
  for (std::size_t p = 0; p < mean.size(); ++p) {
    test::expect_near(together[p], mean[p], 2e-6, std::to_string(parts * size) + " images");
  }
}

TEST(Network, TheStepIsTheMeanOverTheBatch) {
  for (int count : {1, 15, 16, 17, 33}) expect_mean_of_parts(count, 1);
}

TEST(Network, MoreBlocksThanPartialSums) {
  // 19 blocks go to 16 partial sums: some hold the gradients of two blocks.
  expect_mean_of_parts(3, 100);
}

TEST(Network, BytesAndFloatsOfTheSameNumbersGiveTheSameBits) {
  const auto run = [](const Tensor& x, const Tensor& y) {
    test::Model network = make(test::lenet5());
    network.train_step(x, y, 0.1f);
    std::vector<Tensor> all = weights(network);
    all.push_back(network.predict(x, 64));
    return all;
  };
  const Tensor bytes = random_bytes({37, 28, 28, 1}, 1), y = random_labels(37, 10, 1);
  Tensor floats(bytes.shape());
  for (std::int64_t i = 0; i < bytes.size(); ++i) {
    floats.data<float>()[i] = static_cast<float>(bytes.data<std::uint8_t>()[i]);
  }
  EXPECT_TRUE(same_bits(run(bytes, y), run(floats, y)));
  const test::PlainPlans plain_plans;
  EXPECT_TRUE(same_bits(run(bytes, y), run(floats, y)));
}

TEST(Network, OneHotTargetsGiveWhatLabelsGive) {
  test::Model a = make(test::odd_net()),
              b = make(test::odd_net(), test::one_loss("categorical_crossentropy", false,
                                                       {0.9f, true, 0.001f}, {1}));
  const Data data = data_for(a, 20);
  Tensor one_hot({20, 5});
  for (int i = 0; i < 20; ++i) one_hot.data<float>()[i * 5 + data.y.data<std::int64_t>()[i]] = 1.0f;
  const Totals ta = a.train_step(data.x, data.y, 0.1f), tb = b.train_step(data.x, one_hot, 0.1f);
  EXPECT_EQ(ta.loss_sum, tb.loss_sum);
  EXPECT_EQ(ta.hits[0], tb.hits[0]);
  EXPECT_TRUE(same_bits(weights(a), weights(b)));
}

TEST(Network, HugeBatchSizesAreCutToTheData) {
  test::Model network = make(test::dense_net());
  const Data data = data_for(network, 3);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(network.evaluate(data.x, data.y, most).images, 3);
  EXPECT_EQ(network.predict(data.x, most).shape(), (Shape{3, 5}));
}

}  // namespace
}  // namespace pycnn
