// Network's profile: how long each instruction of a plan takes.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "graph/lanes.h"
#include "runtime/executor_cpu.h"
#include "runtime/network.h"

namespace pycnn {
namespace {

constexpr double kLongest = 3600;  // seconds

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<const Tensor*> pointers(const Tensors& tensors) {
  std::vector<const Tensor*> list;
  for (const Tensor& t : tensors) list.push_back(&t);
  return list;
}

// The CPU's plans are timed, wherever the data lie.
Tensors on_host(const Tensors& tensors) {
  Tensors list;
  for (const Tensor& t : tensors) list.push_back(t.to(Device::cpu));
  return list;
}

void check_seconds(double seconds) {
  if (!(seconds >= 0 && seconds <= kLongest)) {
    throw ValueError("[profile] seconds must be from 0 to 3600; got " + std::to_string(seconds));
  }
}

std::vector<InstructionTime> measure(CpuExecutor& executor, const Batch& batch, double seconds) {
  using Clock = std::chrono::steady_clock;
  const std::vector<Instruction>& program = executor.plan().program;
  executor.run(batch);  // first touch of the memory
  std::vector<std::vector<double>> times(program.size());
  const auto start = Clock::now();
  do {
    executor.run(batch);
    const std::vector<double> took = executor.seconds();
    for (std::size_t i = 0; i < times.size(); ++i) times[i].push_back(took[i]);
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  std::vector<InstructionTime> result;
  for (std::size_t i = 0; i < program.size(); ++i) {
    result.push_back(
        {program[i].layer, std::string(operation_name(program[i].operation)), median(times[i])});
  }
  return result;
}

}  // namespace

std::vector<InstructionTime> Network::profile(const Batch& images, PlanKind kind, double seconds) {
  Batch batch = images;
  batch.count = batch.inputs.front()->shape()[0];
  batch.seed = seed_;
  batch.step = steps_;
  ParameterStore parameters(*graph_, seed_);  // the network's own may be on another device
  const Lanes lanes = choose_lanes(channel_fill(*graph_), batch.count);
  Plan plan =
      make_plan(*graph_, outputs_, kind, training_.losses, fusion_wanted(), Device::cpu, lanes);
  if (plan.program.empty()) return {};
  CpuExecutor executor(*graph_, std::move(plan), parameters, CpuExecutor::Timing::on);
  return measure(executor, batch, seconds);
}

std::vector<InstructionTime> Network::profile_step(const Tensors& given_x, const Tensors& given_y,
                                                   double seconds) {
  const Lease lease = exclusive();
  check_seconds(seconds);
  const Tensors x = on_host(given_x);
  Tensors targets;  // copies, so that nobody can change them between the check and their use
  for (const Tensor& t : on_host(given_y)) targets.push_back(t.clone());
  check_data(x, targets);
  Batch batch;
  batch.inputs = pointers(x);
  batch.targets = pointers(targets);
  return profile(batch, PlanKind::train, seconds);
}

std::vector<InstructionTime> Network::profile_backward(const Tensors& given_x,
                                                       const Tensors& given_dy, double seconds) {
  const Lease lease = exclusive();
  check_seconds(seconds);
  const Tensors x = on_host(given_x), dy = on_host(given_dy);
  check_inputs(x);
  check_output_gradients(dy, x[0].shape()[0]);
  Tensors dx;
  for (const Tensor& t : x) dx.emplace_back(t.shape());
  Batch batch;
  batch.inputs = pointers(x);
  batch.output_gradients = pointers(dy);
  for (Tensor& t : dx) batch.input_gradients.push_back(&t);
  return profile(batch, PlanKind::gradient, seconds);
}

}  // namespace pycnn
