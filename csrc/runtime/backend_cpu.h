#pragma once
// A network on the CPU.

#include <memory>

#include "graph/lanes.h"
#include "runtime/backend.h"
#include "runtime/executor_cpu.h"
#include "runtime/optimizer.h"
#include "runtime/parameter_store.h"

namespace pycnn {

class CpuBackend : public Backend {
 public:
  CpuBackend(const Graph& graph, const std::vector<ValueId>& outputs, std::uint64_t seed)
      : graph_(graph), outputs_(outputs), fill_(channel_fill(graph)), parameters_(graph, seed) {}

  Device device() const override { return Device::cpu; }
  void read_parameter(ParameterId id, float* values) const override;
  void write_parameter(ParameterId id, const float* values) override;
  Weights save() const override;
  void load(const Weights& weights) override;
  void compile(const Training& training) override;
  std::int64_t train(const Batch& images, std::int64_t batch_size, const float* rates,
                     std::int64_t steps, Totals& totals) override;
  Totals evaluate(const Batch& batch) override;
  void predict(const Batch& batch, bool training) override;
  void backward(const Batch& batch, bool training, const std::vector<float*>& gradients) override;
  std::int64_t images_in_one_go(PlanKind kind, std::int64_t batch_size) override;
  std::shared_ptr<void> hold(const Tensor&) override { return nullptr; }  // read where they are
  const Plan& plan(PlanKind kind) override {
    return executor(kind, choose_lanes(fill_, kManyImages)).plan();
  }

  // Where the first number of a training step on this batch is that is not finite: for messages.
  std::string first_non_finite(const Batch& batch) {
    return executor(PlanKind::train, batch.count).first_non_finite(batch);
  }

 private:
  // Enough to fill any lanes.
  static constexpr std::int64_t kManyImages = 16384;

  CpuExecutor& executor(PlanKind kind, std::int64_t images);
  CpuExecutor& executor(PlanKind kind, Lanes lanes);
  Totals results(const CpuExecutor& executor, std::int64_t images, double penalty) const;

  const Graph& graph_;
  const std::vector<ValueId>& outputs_;
  const ChannelFill fill_;
  ParameterStore parameters_;
  Training training_;
  std::unique_ptr<Optimizer> optimizer_;                   // null until compile
  std::unique_ptr<CpuExecutor> executors_[kPlanKinds][2];  // by PlanKind and Lanes
};

}  // namespace pycnn
