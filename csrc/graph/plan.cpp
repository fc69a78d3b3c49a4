#include "graph/plan.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "graph/plan_builder.h"

namespace pycnn {
namespace {

// All partial sums together should stay in a big cache and never dominate the memory.
constexpr std::int64_t kPartialSumBytes = std::int64_t{64} << 20;
constexpr std::int64_t kMostPartialSums = 16;

int partial_sums(const Graph& graph) {
  std::int64_t bytes = 4;
  for (const Parameter& p : graph.parameters()) {
    bytes = checked_add(bytes, checked_mul(element_count(p.shape), 4));
  }
  return static_cast<int>(std::clamp<std::int64_t>(kPartialSumBytes / bytes, 2, kMostPartialSums));
}

void find_lifetimes(Plan& plan) {
  const auto root = [&](BufferId id) -> Buffer& {
    Buffer& buffer = plan.buffers[static_cast<std::size_t>(id)];
    return buffer.alias_of < 0 ? buffer : plan.buffers[static_cast<std::size_t>(buffer.alias_of)];
  };
  const auto use = [&](BufferId id, int at) {
    Buffer& buffer = root(id);
    if (buffer.first_use < 0) buffer.first_use = at;
    buffer.last_use = std::max(buffer.last_use, at);
  };
  for (std::size_t i = 0; i < plan.program.size(); ++i) {
    for (BufferId id : plan.program[i].reads) use(id, static_cast<int>(i));
    for (BufferId id : plan.program[i].writes) use(id, static_cast<int>(i));
  }
}

// Whether the instruction reads the buffer as a convolution's x, number by number.
bool reads_numbers(const Operation& operation, BufferId id) {
  return std::visit(
      [id](const auto& i) {
        using T = std::decay_t<decltype(i)>;
        constexpr bool kConvolution = std::is_same_v<T, Conv2dForward> ||
                                      std::is_same_v<T, Conv2dPoolForward> ||
                                      std::is_same_v<T, Conv2dBackwardParams>;
        if constexpr (kConvolution) return i.x == id;
        return false;
      },
      operation);
}

// Images that come in with few channels, and that convolutions alone read, need not be filled up to
// whole vectors.
void keep_inputs_small(Plan& plan) {
  for (const Instruction& gather : plan.program) {
    const bool input = std::holds_alternative<GatherRows>(gather.operation) ||
                       std::holds_alternative<AugmentGather>(gather.operation);
    if (!input) continue;
    const BufferId id = gather.writes.front();
    const auto suits = [id](const Instruction& i) {
      const bool reads = std::ranges::find(i.reads, id) != i.reads.end();
      return !reads || reads_numbers(i.operation, id);
    };
    const auto is_alias = [id](const Buffer& b) { return b.alias_of == id; };
    Buffer& buffer = plan.buffers[static_cast<std::size_t>(id)];
    buffer.filled_up = buffer.lanes == Lanes::images || buffer.channels >= cpu::kLanes ||
                       std::ranges::any_of(plan.buffers, is_alias) ||
                       !std::ranges::all_of(plan.program, suits);
  }
}

}  // namespace

Plan make_plan(const Graph& graph, const std::vector<ValueId>& outputs, PlanKind kind,
               const std::vector<LossSpec>& losses, bool fuse, Device device, Lanes lanes) {
  std::vector<ValueId> ends = outputs;
  if (has_losses(kind)) {
    ends.clear();
    for (const LossSpec& loss : losses) ends.push_back(loss.predictions);
  }
  PlanBuilder builder(graph, kind, fuse_graph(graph, ends, fuse, device), device, lanes);
  builder.forward();
  if (kind == PlanKind::predict || kind == PlanKind::training_predict) {
    builder.scatter_outputs(ends);
  } else if (has_losses(kind)) {
    builder.losses(losses);
  } else {
    builder.gather_output_gradients(ends);
  }
  if (has_gradients(kind)) builder.backward();

  Plan plan = builder.take();
  // With the channels in the lanes a kernel sums over the whole batch itself.
  plan.partial_sums = lanes == Lanes::channels ? 1 : partial_sums(graph);
  keep_inputs_small(plan);
  find_lifetimes(plan);
  plan.arena_bytes = assign_offsets(plan.buffers);
  plan.kept_bytes = assign_kept_offsets(plan.buffers);
  return plan;
}

std::size_t Plan::bytes_for_backward() const {
  int first_backward = 0;
  for (const Instruction& i : program) first_backward += i.forward ? 1 : 0;
  std::size_t bytes = 0;
  for (const Buffer& b : buffers) {
    const bool kept = b.first_use < first_backward && b.last_use >= first_backward;
    if (b.alias_of < 0 && kept) bytes += b.bytes();
  }
  return bytes;
}

std::string Plan::report() const {
  std::string text = "instructions\n";
  for (const Instruction& i : program) {
    text += std::string("  ") + (i.forward ? "forward  " : "backward ") + i.layer + "\n";
  }
  text += lanes == Lanes::images ? "buffers of a block of 16 images" : "buffers of an image";
  text += " (bytes, place in the arena, alive)\n";
  std::size_t sum = 0;
  for (const Buffer& b : buffers) {
    if (b.alias_of >= 0) continue;
    sum += b.kept ? 0 : b.bytes();
    text += "  " + std::to_string(b.bytes()) + (b.kept ? " an image, kept at " : " at ") +
            std::to_string(b.offset) + ", " + std::to_string(b.first_use) + ".." +
            std::to_string(b.last_use) + "  " + b.name + "\n";
  }
  text += "arena " + std::to_string(arena_bytes) + " bytes for buffers of " + std::to_string(sum) +
          " bytes in all; " + std::to_string(partial_sums) + " partial sums at most\n";
  if (kept_bytes > 0) text += "kept " + std::to_string(kept_bytes) + " bytes of each image\n";
  if (const std::size_t kept = bytes_for_backward(); kept > 0) {
    const std::size_t percent = (arena_bytes * 100 + kept / 2) / kept;
    text += "backward needs " + std::to_string(kept) + " bytes that forward made; the arena is " +
            std::to_string(percent) + " % of that\n";
  }
  return text;
}

}  // namespace pycnn
