// Networks on the emulated GPU: the CPU's numbers, the same bits every time, and what is left after
// a step that fails.

#include <gtest/gtest.h>

#include <limits>

#include "branching_nets.h"
#include "core/error.h"
#include "cuda/device.h"
#include "runtime/trainer.h"

namespace pycnn {
namespace {

using test::Data;
using test::data_for;
using test::expect_error;
using test::expect_near;
using test::rows;
using test::same_bits;
using test::weights;

// A variable of the environment while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

std::size_t used_memory() {
  const cuda::MemoryInfo info = cuda::memory_info();
  return info.total - info.free;
}

CompileOptions loss_of(const std::string& net) {
  CompileOptions options = test::sparse();
  options.outputs[0].from_logits = net == "dense";  // has no softmax
  return options;
}

struct CudaModel : test::Model {
  explicit CudaModel(test::Net net, const CompileOptions& options = test::sparse(),
                     Device device = Device::cuda)
      : Model(std::move(net), 20, options) {
    set_device(device);
  }
};

// Losses of a few steps, full and short.
std::vector<double> train(Network& network, const Data& data) {
  std::vector<double> losses;
  for (const auto& [first, count] : {std::pair{0, 8}, {8, 8}, {0, 8}, {16, 3}, {0, 8}, {16, 3}}) {
    losses.push_back(
        network.train_step(rows(data.x, first, count), rows(data.y, first, count), 0.05f).loss());
  }
  return losses;
}

const std::vector<std::pair<std::string, test::Net (*)()>> kNets{
    {"odd", test::odd_net},
    {"dense", test::dense_net},
    {"residual", [] { return test::residual_net(); }},
    {"inception", [] { return test::inception_net(); }},
    {"further", [] { return test::further_net(); }},
    {"shared", [] { return test::shared_net(); }}};

class CudaNetwork : public testing::TestWithParam<std::size_t> {
 protected:
  CudaModel make(Device device = Device::cuda) const {
    const auto& [name, net] = kNets[GetParam()];
    return CudaModel(net(), loss_of(name), device);
  }
};

TEST_P(CudaNetwork, TrainsAsOnTheCpu) {
  CudaModel on_gpu = make(), on_cpu = make(Device::cpu);
  EXPECT_TRUE(same_bits(weights(on_gpu), weights(on_cpu)));
  const Data data = data_for(on_cpu, 19);
  const std::vector<double> losses = train(on_gpu, data), expected = train(on_cpu, data);
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], expected[i], 1e-4) << i;
  expect_near(on_gpu.predict(data.x, 7), on_cpu.predict(data.x, 7), 1e-4, "predictions");
  const Tensor dy = test::random_floats(on_cpu.predict(data.x, 19).shape(), 3);
  const Network::Gradients g = on_gpu.backward(data.x, dy), h = on_cpu.backward(data.x, dy);
  expect_near(g.inputs[0], h.inputs[0], 1e-3, "gradient of the input");
  for (std::size_t p = 0; p < g.parameters.size(); ++p) {
    expect_near(g.parameters[p], h.parameters[p], 1e-3, on_cpu.graph().parameters()[p].name);
  }
}

TEST_P(CudaNetwork, CapturedStepsAndMovesChangeNoBit) {
  CudaModel first = make(), second = make();
  const Data data = data_for(first, 19);
  const std::vector<double> losses = train(first, data);
  {
    const Variable plain("PYCNN_CUDA_GRAPH", "0");
    EXPECT_EQ(train(second, data), losses);
  }
  EXPECT_TRUE(same_bits(weights(first), weights(second)));
  second.set_device(Device::cpu);
  second.set_device(Device::cuda);
  EXPECT_EQ(train(first, data), train(second, data));
}

INSTANTIATE_TEST_SUITE_P(Nets, CudaNetwork, testing::Range(std::size_t{0}, kNets.size()),
                         [](const auto& info) { return kNets[info.param].first; });

// ---- epochs

// Progress and weights after two epochs; `steps` in one call of run.
std::pair<Progress, std::vector<Tensor>> epochs(Device device, std::int64_t steps) {
  CudaModel network(test::dense_net(), loss_of("dense"), device);
  const Data data = data_for(network, 203);
  Trainer trainer(network, data.x, data.y, 2, true);
  const std::vector<float> rates(102, 0.01f);
  for (int epoch = 0; epoch < 2; ++epoch) {
    trainer.start_epoch();
    while (!trainer.run(rates.data(), steps, 1e9).done) {
    }
  }
  return {trainer.progress(), weights(network)};
}

TEST(CudaTrainer, SumsDoNotDependOnHowManyStepsAreDoneAtOnce) {
  const auto [one, one_weights] = epochs(Device::cuda, 1);
  const auto [all, all_weights] = epochs(Device::cuda, 102);
  EXPECT_EQ(one.loss_sum, all.loss_sum);
  EXPECT_EQ(one.output_losses, all.output_losses);
  EXPECT_EQ(one.hits, all.hits);
  EXPECT_EQ(all.images, 203);
  EXPECT_EQ(all.step, 102);
  EXPECT_TRUE(same_bits(one_weights, all_weights));
  const auto [cpu, cpu_weights] = epochs(Device::cpu, 102);
  EXPECT_NEAR(all.loss(), cpu.loss(), 1e-4);
}

// ---- failures

TEST(CudaFailure, AStepThatIsNotFiniteChangesNothing) {
  CudaModel network(test::odd_net());
  Data data = data_for(network, 19);
  train(network, data);
  const std::vector<Tensor> before = weights(network);
  Tensor bad = data.x.clone();
  bad.data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  for (int i = 0; i < 3; ++i) {
    expect_error<FloatingPointError>([&] { network.train_step(bad, data.y, 0.05f); },
                                     "the input data are not finite");
    EXPECT_TRUE(same_bits(weights(network), before));
  }
  EXPECT_GT(network.train_step(data.x, data.y, 0.05f).loss(), 0.0);
}

TEST(CudaFailure, AfterMemoryHasRunOutTheNextStepWorks) {
  CudaModel network(test::odd_net()), undisturbed(test::odd_net());
  const Data few = data_for(network, 19), many = data_for(network, 600);
  EXPECT_EQ(train(network, few), train(undisturbed, few));
  {
    const Variable limit("PYCNN_EMULATOR_MEMORY", std::to_string(used_memory() + 1000));
    expect_error<MemoryError>([&] { network.train_step(many.x, many.y, 0.05f); }, "on the GPU");
  }
  EXPECT_EQ(train(network, few), train(undisturbed, few));
}

TEST(CudaFailure, AHostLayerThatThrowsLeavesTheStepsBeforeIt) {
  const auto layer = std::make_shared<test::Identity>();
  CudaModel network(test::host_net(layer));
  const Data data = data_for(network, 40);
  Trainer trainer(network, data.x, data.y, 8, false);
  trainer.start_epoch();
  int left = 4;
  layer->on_forward = [&left] {
    if (--left == 0) throw std::runtime_error("enough");
  };
  const std::vector<float> rates(5, 0.01f);
  expect_error<std::runtime_error>([&] { trainer.run(rates.data(), 5, 1e9); }, "enough");
  EXPECT_EQ(trainer.progress().step, 3);
  EXPECT_TRUE(trainer.run(rates.data(), 5, 1e9).done);
}

TEST(CudaMemory, AllIsGivenBack) {
  const std::size_t before = used_memory();
  {
    CudaModel network(test::odd_net());
    const Data data = data_for(network, 19);
    train(network, data);
    network.evaluate(data.x, data.y, 7);
    EXPECT_GT(used_memory(), before);
  }
  EXPECT_EQ(used_memory(), before);
}

}  // namespace
}  // namespace pycnn
