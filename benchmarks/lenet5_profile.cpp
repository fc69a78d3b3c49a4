// Where the time of one training step of LeNet-5 goes: every instruction of the plan, timed on one
// block of 16 images by one thread, beside the multiply-add peak of a core.
//
//   cmake --preset release && cmake --build --preset release --target lenet5_profile
//   PYCNN_NUM_THREADS=1 build/release/benchmarks/lenet5_profile

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "runtime/block_runner.h"
#include "runtime/eager.h"

using namespace pycnn;

namespace {

constexpr int kRounds = 3000;

ValueId lenet5(Graph& g) {
  Padding same;
  same.mode = Padding::Mode::same;
  ValueId v = g.rescale(g.input(), {1.0f / 255, 0.0f});
  const auto stage = [&](int filters, const Padding& padding, const char* name) {
    Conv2dOptions conv;
    conv.filters = filters;
    conv.kernel_size = {5, 5};
    conv.padding = padding;
    v = g.activation(g.conv2d(v, conv, name), Activation::relu);
    v = g.max_pool2d(v, {{2, 2}, {2, 2}, {}});
  };
  stage(6, same, "conv1");
  stage(16, {}, "conv2");
  v = g.flatten(v);
  v = g.activation(g.dense(v, {120, true}, "dense1"), Activation::relu);
  v = g.activation(g.dense(v, {84, true}, "dense2"), Activation::relu);
  return g.dense(v, {10, true}, "dense3");  // the loss takes the softmax with it
}

double flops(const Conv2dGeometry& g) {
  return 2.0 * g.out_height * g.out_width * g.out_channels * g.kernel_height * g.kernel_width *
         g.in_channels * cpu::kLanes;
}
double flops(const DenseGeometry& g) { return 2.0 * g.inputs * g.outputs * cpu::kLanes; }

struct Kind {
  std::string name;
  double flops = 0;  // 0: moves memory only
};

Kind kind(const Operation& operation) {
  const auto sum = [](const char* name, const auto& i) { return Kind{name, flops(i.g)}; };
  if (const auto* i = std::get_if<Conv2dPoolForward>(&operation)) return sum("forward, pool", *i);
  if (const auto* i = std::get_if<Conv2dBackwardInput>(&operation)) return sum("dx", *i);
  if (const auto* i = std::get_if<Conv2dBackwardParams>(&operation)) return sum("dw", *i);
  if (const auto* i = std::get_if<DenseForward>(&operation)) return sum("forward", *i);
  if (const auto* i = std::get_if<DenseBackwardInput>(&operation)) return sum("dx", *i);
  if (const auto* i = std::get_if<DenseBackwardParams>(&operation)) return sum("dw", *i);
  if (std::holds_alternative<GatherRows>(operation)) return {"gather"};
  if (std::holds_alternative<Conv2dPoolBackward>(operation)) return {"unpool"};
  if (std::holds_alternative<ActivationBackward>(operation)) return {"relu backward"};
  return {"loss"};
}

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  Graph graph({28, 28, 1});
  const ValueId logits = lenet5(graph);
  const Plan plan = make_plan(graph, {logits}, PlanKind::train,
                              {LossSpec{LossKind::softmax_cross_entropy, true, logits}}, true);
  const ParameterStore parameters(graph, 1);

  Tensor images({16, 28, 28, 1}, DType::uint8), labels({16}, DType::int64);
  for (std::int64_t i = 0; i < images.size(); ++i) {
    images.data<std::uint8_t>()[i] = static_cast<std::uint8_t>((i * 2654435761u) >> 13);
  }
  for (int i = 0; i < 16; ++i) labels.data<std::int64_t>()[i] = i % 10;
  Batch batch;
  batch.inputs = {&images};
  batch.targets = {&labels};
  batch.count = 16;

  Arena arena(plan.arena_bytes);
  Arena gradients(static_cast<std::size_t>(parameters.flat_size()) * sizeof(float));
  float loss[cpu::kLanes];
  std::int32_t rank[cpu::kLanes];
  const Block block{0,     16,   arena.data(), reinterpret_cast<float*>(gradients.data()),
                    false, loss, rank,         cpu::kLanes};
  const BlockRunner runner(plan, parameters, batch);

  using Clock = std::chrono::steady_clock;
  std::vector<std::vector<double>> times(plan.program.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < plan.program.size(); ++i) {
      const auto start = Clock::now();
      runner.run(plan.program[i], block);
      times[i].push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
  }

  const double peak = measure_peak(0.5) / num_threads();
  std::printf("%s, peak of a core %.0f GFLOP/s, arena %zu KiB\n", cpu::isa().c_str(), peak * 1e-9,
              plan.arena_bytes >> 10);
  double total = 0, total_flops = 0;
  for (std::size_t i = 0; i < plan.program.size(); ++i) {
    const Kind k = kind(plan.program[i].operation);
    const double us = median(times[i]);
    total += us;
    total_flops += k.flops;
    std::printf("%7.2f us  %-18s %-14s", us, plan.program[i].layer.c_str(), k.name.c_str());
    if (k.flops > 0) {
      std::printf(" %4.0f GFLOP/s %3.0f %%", k.flops / us * 1e-3, k.flops / us * 1e8 / peak);
    }
    std::printf("\n");
  }
  std::printf("%7.2f us  for 16 images: %.0f images/s a thread, %.0f %% of the peak\n", total,
              16e6 / total, total_flops / total * 1e8 / peak);
}
