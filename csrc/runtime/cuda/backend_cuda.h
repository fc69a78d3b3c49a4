#pragma once
// A network on the GPU. A step is captured once for each size of batch, and then replayed: what
// changes from step to step lies in device memory (ops/cuda/step.h).

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/stream.h"
#include "ops/cuda/precision.h"
#include "runtime/backend.h"
#include "runtime/cuda/data.h"
#include "runtime/cuda/executor_cuda.h"
#include "runtime/cuda/optimizer_cuda.h"
#include "runtime/cuda/weights.h"

namespace pycnn::cuda {

class CudaBackend : public Backend {
 public:
  // Throws DeviceError or MemoryError.
  CudaBackend(const Graph& graph, const std::vector<ValueId>& outputs, std::uint64_t seed);

  Device device() const override { return Device::cuda; }
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
  std::shared_ptr<void> hold(const Tensor& data) override;
  const Plan& plan(PlanKind kind) override { return executor(kind).plan(); }
  std::string plan_report(PlanKind kind) override;

 private:
  // A captured run of steps: so many images at each, so many steps.
  using Captures = std::map<std::pair<std::int64_t, std::int64_t>, CapturedWork>;

  CudaExecutor& executor(PlanKind kind);
  std::int64_t steps_at_once(std::int64_t batch_size, std::int64_t steps, bool held);
  std::vector<std::byte> run_memory(const Step& first, const Totals& totals) const;
  // The steps to come add to `totals`.
  void begin_run(const Batch& batch, const Sources& sources, const float* rates, std::int64_t steps,
                 const Totals& totals);
  void run_steps(const Batch& images, std::int64_t batch_size, std::int64_t steps);
  void enqueue_step(const Batch& images, std::int64_t count, Precision precision);
  Results results(const CudaExecutor& executor, std::int64_t count) const;
  // Waits for the run; how many steps were done, and the sums after them.
  std::int64_t end_run(Totals& totals);
  void run_once(CudaExecutor& executor, const Batch& batch);
  [[noreturn]] void explain(const Batch& images, std::int64_t batch_size, const float* rates);
  Step* step() const { return run_.as<Step>(); }

  const Graph& graph_;
  const std::vector<ValueId>& outputs_;
  WorkStream stream_;
  DeviceWeights weights_;
  DeviceData data_;
  Training training_;
  std::unique_ptr<CudaOptimizer> optimizer_;             // null until compile
  std::unique_ptr<CudaExecutor> executors_[kPlanKinds];  // by PlanKind
  DeviceMemory run_;                                     // the Step, then the sums of the run
  DeviceMemory rates_, top_k_;
  std::size_t ks_ = 0;  // entries of the lists of k
  Captures captures_;
  std::vector<DType> captured_types_;  // of the data that the captures read
  Precision captured_precision_ = Precision::float32;
  std::int64_t images_at_once_ = 0;  // of a run that takes about as long as one should
};

}  // namespace pycnn::cuda
