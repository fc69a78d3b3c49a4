#include "runtime/cuda/executor_cuda.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "cuda/error.h"
#include "ops/cpu/block.h"

namespace pycnn::cuda {
namespace {

// The largest number of elements that an image has anywhere in the plan.
std::int64_t largest_image(const Plan& plan) {
  std::int64_t largest = 1;
  for (const Buffer& b : plan.buffers) {
    largest = std::max(largest, checked_mul(checked_mul(std::int64_t{b.height}, b.width),
                                            std::int64_t{b.channels}));
  }
  return largest;
}

}  // namespace

CudaExecutor::CudaExecutor(const Graph& graph, Plan plan, const DeviceWeights& weights, int outputs)
    : graph_(graph), plan_(std::move(plan)), weights_(weights), outputs_(outputs) {
  for (const Instruction& i : plan_.program) {
    has_host_layers_ |= std::holds_alternative<HostForward>(i.operation) ||
                        std::holds_alternative<HostBackward>(i.operation);
    moves_statistics_ |= std::holds_alternative<BatchNormCombine>(i.operation);
  }
  if (plan_.kind == PlanKind::train && small_nets_wanted()) {
    small_net_ = SmallNet::make(plan_, graph_, weights_);
  }
}

bool CudaExecutor::prepare(std::int64_t count) {
  if (count > std::numeric_limits<std::int32_t>::max() / largest_image(plan_)) {
    throw OverflowError("[cuda] a batch of " + std::to_string(count) +
                        " images has a value of more than 2^31 - 1 numbers: make it smaller");
  }
  const std::int64_t blocks = (count + cpu::kLanes - 1) / cpu::kLanes;
  const std::size_t values = static_cast<std::size_t>(count) * static_cast<std::size_t>(outputs_);
  bool moved = losses_.reserve(values * sizeof(float));
  moved |= ranks_.reserve(values * sizeof(std::int32_t));
  if (small_net_) return small_net_->prepare(count) || moved;
  const auto scratch = static_cast<std::size_t>(scratch_floats(plan_, static_cast<int>(count)));
  if (blocks > blocks_) {
    blocks_ = 0;  // should there be no memory, the old one is gone
    const auto bytes = checked_mul(static_cast<std::int64_t>(plan_.arena_bytes), blocks);
    moved |= arena_.reserve(static_cast<std::size_t>(bytes));
    blocks_ = blocks;
  }
  moved |= scratch_.reserve(scratch * sizeof(float));
  return moved;
}

void CudaExecutor::set_sources(const Sources& sources, const WorkStream& stream) {
  std::vector<const void*> table = sources.inputs;
  table.insert(table.end(), sources.targets.begin(), sources.targets.end());
  table.insert(table.end(), sources.output_gradients.begin(), sources.output_gradients.end());
  const std::size_t bytes = table.size() * sizeof(void*);
  sources_.reserve(std::max<std::size_t>(bytes, 64 * sizeof(void*)));
  check(cudaMemcpyAsync(sources_.as<void>(), table.data(), bytes, cudaMemcpyHostToDevice,
                        stream.get()),
        "telling the GPU where its data are");
}

void CudaExecutor::enqueue(const Batch& batch, int count, Precision precision, Step* step,
                           const WorkStream& stream) const {
  if (small_net_) {
    const auto* table = sources_.as<const void* const>();
    small_net_->enqueue({{step, table, batch.inputs[0]->dtype()},
                         {step, table + 1, DType::int64},
                         losses_.as<float>(),
                         ranks_.as<std::int32_t>()},
                        count, step, stream);
    return;
  }
  const Workspace workspace{arena_.as<std::byte>(),
                            blocks_,
                            scratch_.as<float>(),
                            precision,
                            losses_.as<float>(),
                            ranks_.as<std::int32_t>(),
                            step,
                            sources_.as<const void* const>()};
  if (moves_statistics_) {
    check(cudaMemcpyAsync(weights_.flat_moved(), weights_.moving(),
                          static_cast<std::size_t>(weights_.moving_size()) * sizeof(float),
                          cudaMemcpyDeviceToDevice, stream.get()),
          "beginning a step");
  }
  BatchRunner runner(plan_, graph_, weights_, workspace, batch, count, stream.get());
  for (const Instruction& i : plan_.program) runner.run(i);
}

}  // namespace pycnn::cuda
