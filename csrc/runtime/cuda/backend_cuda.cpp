#include "runtime/cuda/backend_cuda.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "core/environment.h"
#include "core/error.h"
#include "cuda/device.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "runtime/backend_cpu.h"
#include "runtime/backend_cuda.h"
#include "runtime/interrupt.h"
#include "runtime/non_finite.h"

namespace pycnn::cuda {
namespace {

// Steps of a long capture. What is left of a run is made of single ones.
constexpr std::int64_t kCapturedSteps = 32;
// A run of steps should last about so long: short enough for progress and Ctrl-C.
constexpr double kRunSeconds = 0.05;
constexpr std::int64_t kMostSteps = 4096;
// Batches of ever new sizes must not fill the memory with captured steps.
constexpr std::size_t kMostCaptures = 64;
// Where the batch makes no difference, its values may take so much of the device's memory.
constexpr std::int64_t kLargeBatch = 16384, kArenaBytes = std::int64_t{1} << 28;

std::size_t float_bytes(std::int64_t floats) {
  return static_cast<std::size_t>(floats) * sizeof(float);
}

}  // namespace

CudaBackend::CudaBackend(const Graph& graph, const std::vector<ValueId>& outputs,
                         std::uint64_t seed)
    : graph_(graph), outputs_(outputs), weights_(graph, seed) {}

// ---- weights

void CudaBackend::read_parameter(ParameterId id, float* values) const {
  const DeviceGuard guard;
  const Parameter& p = graph_.parameters()[static_cast<std::size_t>(id)];
  stream_.synchronize();  // an exception may have left work behind
  download(values, weights_.at(id), float_bytes(element_count(p.shape)),
           "copying weights from the GPU");
}

void CudaBackend::write_parameter(ParameterId id, const float* values) {
  const DeviceGuard guard;
  const Parameter& p = graph_.parameters()[static_cast<std::size_t>(id)];
  stream_.synchronize();
  upload(weights_.at(id), values, float_bytes(element_count(p.shape)),
         "copying weights to the GPU");
}

Weights CudaBackend::save() const {
  const DeviceGuard guard;
  Weights weights;
  weights.flat.resize(static_cast<std::size_t>(weights_.flat_size()));
  stream_.synchronize();
  download(weights.flat.data(), weights_.flat(), float_bytes(weights_.flat_size()),
           "copying weights from the GPU");
  if (optimizer_) {
    weights.state = optimizer_->state();
    weights.steps = optimizer_->steps();
  }
  return weights;
}

void CudaBackend::load(const Weights& weights) {
  const DeviceGuard guard;
  stream_.synchronize();
  if (optimizer_) optimizer_->restore(weights.state, weights.steps);
  upload(weights_.flat(), weights.flat.data(), float_bytes(weights_.flat_size()),
         "copying weights to the GPU");
}

void CudaBackend::compile(const Training& training) {
  const DeviceGuard guard;
  auto optimizer = std::make_unique<CudaOptimizer>(training.optimizer, graph_, weights_);
  std::vector<int> ks, outputs;
  for (std::size_t o = 0; o < training.top_k.size(); ++o) {
    for (int k : training.top_k[o]) {
      ks.push_back(k);
      outputs.push_back(static_cast<int>(o));
    }
  }
  const std::size_t entries = ks.size();
  outputs.insert(outputs.end(), ks.begin(), ks.end());
  DeviceMemory top_k(outputs.size() * sizeof(int));
  upload(top_k.as<void>(), outputs.data(), outputs.size() * sizeof(int), "preparing the counts");
  captures_.clear();
  for (auto& executor : executors_) executor.reset();
  optimizer_ = std::move(optimizer);
  training_ = training;
  top_k_ = std::move(top_k);
  ks_ = entries;
}

CudaExecutor& CudaBackend::executor(PlanKind kind) {
  const DeviceGuard guard;
  auto& executor = executors_[static_cast<std::size_t>(kind)];
  if (!executor) {
    executor = std::make_unique<CudaExecutor>(
        graph_, make_plan(graph_, outputs_, kind, training_.losses, fusion_wanted(), Device::cuda),
        weights_, static_cast<int>(training_.losses.size()));
  }
  return *executor;
}

std::string CudaBackend::plan_report(PlanKind kind) {
  const CudaExecutor& e = executor(kind);
  return e.plan().report() + (e.small_net() != nullptr ? e.small_net()->report() : "");
}

// ---- a run of steps

// The run's memory: the Step, then sums to which the steps add: the losses of each output, the
// penalties, the hits.
std::vector<std::byte> CudaBackend::run_memory(const Step& first, const Totals& totals) const {
  const std::size_t outputs = training_.losses.size();
  std::vector<double> sums(totals.output_losses);
  sums.resize(outputs);
  sums.push_back(totals.penalty_sum);
  std::vector<std::int64_t> hits(totals.hits);
  hits.resize(ks_);
  std::vector<std::byte> memory(sizeof first + (sums.size() + ks_) * sizeof(double));
  std::memcpy(memory.data(), &first, sizeof first);
  std::memcpy(memory.data() + sizeof first, sums.data(), sums.size() * sizeof(double));
  if (ks_ > 0) {
    std::memcpy(memory.data() + sizeof first + sums.size() * sizeof(double), hits.data(),
                ks_ * sizeof(std::int64_t));
  }
  return memory;
}

void CudaBackend::begin_run(const Batch& batch, const Sources& sources, const float* rates,
                            std::int64_t steps, const Totals& totals) {
  std::vector<float> table(rates, rates + steps);
  if (optimizer_) {
    const std::vector<float> corrected = optimizer_->corrected_rates(rates, steps);
    table.insert(table.end(), corrected.begin(), corrected.end());
  }
  rates_.reserve(std::max<std::size_t>(table.size(), 2 * kMostSteps) * sizeof(float));
  check(cudaMemcpyAsync(rates_.as<void>(), table.data(), table.size() * sizeof(float),
                        cudaMemcpyHostToDevice, stream_.get()),
        "beginning a run");
  const Step first{batch.seed,
                   batch.step,
                   sources.first,
                   sources.order,
                   rates_.as<float>(),
                   rates_.as<float>() + steps,
                   0,
                   0};
  const std::vector<std::byte> memory = run_memory(first, totals);
  if (run_.reserve(memory.size())) captures_.clear();
  check(cudaMemcpyAsync(run_.as<void>(), memory.data(), memory.size(), cudaMemcpyHostToDevice,
                        stream_.get()),
        "beginning a run");
}

// What came of a step with so many images, and where it goes.
Results CudaBackend::results(const CudaExecutor& executor, std::int64_t count) const {
  const auto outputs = training_.losses.size();
  std::byte* sums = run_.as<std::byte>() + sizeof(Step);
  Results results{};
  results.count = static_cast<int>(count);
  results.outputs = has_losses(executor.plan().kind) ? static_cast<int>(outputs) : 0;
  results.losses = executor.losses();
  results.ranks = executor.ranks();
  results.penalties = optimizer_ ? optimizer_->penalties() : nullptr;
  results.pieces = optimizer_ && results.outputs > 0 ? optimizer_->penalty_count() : 0;
  results.output_of_k = top_k_.as<int>();
  results.k = top_k_.as<int>() + ks_;
  results.ks = results.outputs > 0 ? static_cast<int>(ks_) : 0;
  results.loss_sums = reinterpret_cast<double*>(sums);
  results.penalty_sum = results.loss_sums + outputs;
  results.hits = reinterpret_cast<std::int64_t*>(results.penalty_sum + 1);
  return results;
}

void CudaBackend::enqueue_step(const Batch& images, std::int64_t count, Precision precision) {
  CudaExecutor& train = executor(PlanKind::train);
  train.enqueue(images, static_cast<int>(count), precision, step(), stream_);
  const Results came = results(train, count);
  if (train.small_net() != nullptr && optimizer_->only_updates()) {
    return optimizer_->enqueue_last(came, step(), stream_);
  }
  optimizer_->enqueue_penalties(step(), stream_);
  optimizer_->enqueue(step(), stream_);
  finish_step(came, step(), stream_.get());
}

std::int64_t CudaBackend::end_run(Totals& totals) {
  const std::size_t outputs = training_.losses.size();
  std::vector<std::byte> memory = run_memory({}, {});
  check(cudaMemcpyAsync(memory.data(), run_.as<void>(), memory.size(), cudaMemcpyDeviceToHost,
                        stream_.get()),
        "ending a run");
  stream_.synchronize();
  Step last{};
  std::memcpy(&last, memory.data(), sizeof last);
  const auto read = [&](std::size_t index, auto& value) {
    std::memcpy(&value, memory.data() + sizeof last + index * sizeof value, sizeof value);
  };
  totals.output_losses.resize(outputs);
  totals.hits.resize(ks_);
  read(outputs, totals.penalty_sum);
  totals.loss_sum = totals.penalty_sum;
  for (std::size_t o = 0; o < outputs; ++o) {
    read(o, totals.output_losses[o]);
    totals.loss_sum += double(training_.losses[o].weight) * totals.output_losses[o];
  }
  for (std::size_t e = 0; e < ks_; ++e) read(outputs + 1 + e, totals.hits[e]);
  return last.done;
}

void CudaBackend::run_steps(const Batch& images, std::int64_t batch_size, std::int64_t steps) {
  CudaExecutor& train = executor(PlanKind::train);
  std::vector<DType> types;
  for (const Tensor* t : images.inputs) types.push_back(t->dtype());
  const Precision precision = float32_precision();  // of the whole run
  const bool same = types == captured_types_ && captured_precision_ == precision;
  if (!same || captures_.size() > kMostCaptures) captures_.clear();
  captured_types_ = types;
  captured_precision_ = precision;
  const bool capture = environment_switch("PYCNN_CUDA_GRAPH") && !train.has_host_layers();
  const std::int64_t last = images.count - (steps - 1) * batch_size;  // images of the last step
  for (std::int64_t done = 0; done < steps;) {
    const std::int64_t count = done + 1 == steps ? last : batch_size;
    const std::int64_t full = steps - done - (last < batch_size ? 1 : 0);
    const std::int64_t together = full >= kCapturedSteps ? kCapturedSteps : 1;
    const auto known = captures_.find({count, together});
    if (!capture || (known == captures_.end() && !captures_.contains({count, 0}))) {
      // The first step of its size: kernels are loaded now, which a capture must not wait for.
      enqueue_step(images, count, precision);
      if (capture) captures_[{count, 0}] = CapturedWork();
      ++done;
      continue;
    }
    if (known == captures_.end()) {
      captures_[{count, together}] = CapturedWork(stream_, [&] {
        for (std::int64_t k = 0; k < together; ++k) enqueue_step(images, count, precision);
      });
    }
    captures_[{count, together}].launch(stream_);
    done += together;
  }
}

// Steps of so many images each for the next run. Python layers may throw in the middle of one: then
// the steps before must have been counted.
std::int64_t CudaBackend::steps_at_once(std::int64_t batch_size, std::int64_t steps, bool held) {
  if (!held || executor(PlanKind::train).has_host_layers()) return 1;
  return std::clamp<std::int64_t>(images_at_once_ / batch_size, 1, std::min(steps, kMostSteps));
}

std::int64_t CudaBackend::train(const Batch& images, std::int64_t batch_size, const float* rates,
                                std::int64_t steps, Totals& totals) {
  check_interrupt();
  const DeviceGuard guard;
  const auto start = std::chrono::steady_clock::now();
  const bool held = data_.holds(images);
  const std::int64_t wanted = steps_at_once(batch_size, steps, held);
  Batch run = images;
  run.count = std::min(images.count, wanted * batch_size);
  CudaExecutor& train = executor(PlanKind::train);
  for (std::int64_t count :
       {std::min(batch_size, run.count), run.count - (wanted - 1) * batch_size}) {
    if (train.prepare(count)) captures_.clear();
  }
  const Sources sources = held ? data_.held(run, stream_) : data_.copied(run, stream_);
  begin_run(run, sources, rates, wanted, totals);
  train.set_sources(sources, stream_);
  run_steps(run, batch_size, wanted);
  Totals after = totals;
  const std::int64_t done = end_run(after);
  if (done == 0) explain(images, batch_size, rates);
  after.images += std::min(run.count, done * batch_size);
  totals = after;
  optimizer_->count_steps(done);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  // What takes kRunSeconds at this speed, but not much more than has been tried.
  images_at_once_ =
      std::min(2 * std::max(images_at_once_, run.count),
               static_cast<std::int64_t>(static_cast<double>(run.count) *
                                         (kRunSeconds / std::max(seconds.count(), 1e-6))));
  return done;
}

// The CPU repeats the step, to find the first number that is not finite.
void CudaBackend::explain(const Batch& images, std::int64_t batch_size, const float* rates) {
  CpuBackend cpu(graph_, outputs_, 0);
  cpu.compile(training_);
  cpu.load(save());
  Batch on_host = images;
  std::vector<Tensor> copies;
  copies.reserve(images.inputs.size() + images.targets.size());
  for (auto* tensors : {&on_host.inputs, &on_host.targets}) {
    for (const Tensor*& t : *tensors) t = &copies.emplace_back(t->to(Device::cpu));
  }
  const CallersDevice callers;  // its Python layers' too
  Totals totals;
  cpu.train(on_host, batch_size, rates, 1, totals);
  throw_non_finite(std::numeric_limits<double>::quiet_NaN(),
                   "on the GPU; the CPU's numbers for the same step are finite");
}

std::shared_ptr<void> CudaBackend::hold(const Tensor& data) {
  const DeviceGuard guard;
  return data_.hold(data);
}

// ---- a batch at a time

void CudaBackend::run_once(CudaExecutor& executor, const Batch& batch) {
  check_interrupt();
  if (executor.prepare(batch.count) && executor.plan().kind == PlanKind::train) captures_.clear();
  const Sources sources =
      data_.holds(batch) ? data_.held(batch, stream_) : data_.copied(batch, stream_);
  const float no_rate = 0.0f;
  begin_run(batch, sources, &no_rate, 1, {});
  executor.set_sources(sources, stream_);
  executor.enqueue(batch, static_cast<int>(batch.count), float32_precision(), step(), stream_);
}

Totals CudaBackend::evaluate(const Batch& batch) {
  const DeviceGuard guard;
  CudaExecutor& evaluate = executor(PlanKind::evaluate);
  run_once(evaluate, batch);
  optimizer_->enqueue_penalties(nullptr, stream_);
  finish_step(results(evaluate, batch.count), step(), stream_.get());
  Totals totals;
  end_run(totals);
  totals.images = batch.count;
  return totals;
}

void CudaBackend::predict(const Batch& batch, bool training) {
  const DeviceGuard guard;
  run_once(executor(training ? PlanKind::training_predict : PlanKind::predict), batch);
  stream_.synchronize();
}

void CudaBackend::backward(const Batch& batch, bool training,
                           const std::vector<float*>& gradients) {
  const DeviceGuard guard;
  run_once(executor(training ? PlanKind::training_gradient : PlanKind::gradient), batch);
  stream_.synchronize();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i] == nullptr) continue;
    const auto id = static_cast<ParameterId>(i);
    download(gradients[i], weights_.gradient(id),
             float_bytes(element_count(graph_.parameters()[i].shape)),
             "copying a gradient from the GPU");
  }
}

std::int64_t CudaBackend::images_in_one_go(PlanKind kind, std::int64_t batch_size) {
  const Plan& p = plan(kind);
  if (p.has_barriers || is_training(kind)) return batch_size;
  const std::int64_t fit =
      kArenaBytes / std::max<std::int64_t>(static_cast<std::int64_t>(p.arena_bytes), 1) * 16;
  return std::max(batch_size, std::min(kLargeBatch, fit));
}

}  // namespace pycnn::cuda

namespace pycnn {

std::unique_ptr<Backend> make_cuda_backend(const Graph& graph, const std::vector<ValueId>& outputs,
                                           std::uint64_t seed) {
  const cuda::DeviceGuard guard;
  cuda::require();
  return std::make_unique<cuda::CudaBackend>(graph, outputs, seed);
}

}  // namespace pycnn
