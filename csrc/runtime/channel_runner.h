#pragma once
// Runs the instructions of a plan that has the channels in the lanes, each on the whole batch: the
// threads of a team share its images, or what its kernel deals out.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/team.h"
#include "runtime/block_runner.h"
#include "runtime/channel_program.h"

namespace pycnn {

// The memory of a step.
struct ChannelMemory {
  std::byte* arena;   // of image 0
  std::size_t image;  // bytes from one image's arena to the next
  float* gradients;   // flat
  float* scratch;
  float* losses;
  std::int32_t* ranks;
  std::int64_t output_stride;  // of losses and ranks, from output to output
};

class ChannelRunner {
 public:
  ChannelRunner(const cpu::Kernels& kernels, const ChannelProgram& program,
                const ParameterStore& parameters, const Batch& batch, const ChannelMemory& memory);

  // By every thread of the team, each with thread_bytes() of workspace; done when all have come
  // back. One instruction, not a leader's; or several that follow at once.
  void run(std::size_t begin, std::size_t end, Team& team) const;

 private:
  void run_team(const Instruction& instruction, Team& team) const;
  void run_images(std::size_t begin, std::size_t end, Team& team) const;
  void run_image(const Instruction& instruction, std::int64_t n, std::byte* workspace) const;
  void run_blocks(const Instruction& instruction, Team& team) const;
  void copy_block(const std::vector<BufferId>& operands, std::int64_t first, int count,
                  std::byte* arena, bool in) const;

  Block block(std::int64_t image) const;
  cpu::ChannelView view(BufferId id) const;
  cpu::ConstChannelView const_view(BufferId id) const { return cpu::as_const(view(id)); }
  // Without data where there is no buffer: -1.
  cpu::ConstChannelView const_view_of(BufferId id) const {
    return id < 0 ? cpu::ConstChannelView{} : const_view(id);
  }
  cpu::ChannelCodes codes(BufferId id) const;
  cpu::ConstChannelCodes const_codes(BufferId id) const { return cpu::as_const(codes(id)); }
  const Buffer& buffer(BufferId id) const {
    return program_.plan().buffers[static_cast<std::size_t>(id)];
  }
  const float* weight(ParameterId id) const { return id < 0 ? nullptr : parameters_.at(id); }
  float* gradient(ParameterId id) const {
    return id < 0 ? nullptr : memory_.gradients + parameters_.offset(id);
  }
  BlockRunner::Pairs pairs(BufferId id, std::int64_t n) const {
    return by_image_.pairs(block(n), id);
  }

  // One overload for each instruction with kernels of its own in this layout: for the team, or for
  // image n.
  void run(const Conv2dForward& i, Team& team) const;
  void run(const Conv2dPoolForward& i, Team& team) const;
  void run(const Conv2dBackwardInput& i, Team& team) const;
  void run(const Conv2dBackwardParams& i, Team& team, bool accumulate) const;
  void run(const Conv2dPoolBackwardInput& i, Team& team) const;
  void run(const Conv2dPoolBackwardParams& i, Team& team, bool accumulate) const;
  void run(const DenseForward& i, Team& team) const;
  void run(const DenseBackwardInput& i, Team& team) const;
  void run(const DenseBackwardParams& i, Team& team, bool accumulate) const;
  void run(const Conv2dForward& i, int n, std::byte* workspace) const;
  void run(const Conv2dPoolForward& i, int n, std::byte* workspace) const;
  void run(const Conv2dBackwardInput& i, int n, std::byte* workspace) const;
  void run(const GatherRows& i, int n) const;
  void run(const ScatterRows& i, int n) const;
  void run(const ActivationForward& i, int n) const;
  void run(const ActivationBackward& i, int n) const;
  void run(const Repack& i, int n) const;
  void run(const ConcatForward& i, int n) const;
  void run(const ConcatBackward& i, int n) const;
  void run(const BatchNormStatistics& i, int n) const;
  void run(const BatchNormForward& i, int n) const;
  void run(const BatchNormBackwardSums& i, int n) const;
  void run(const BatchNormBackwardInput& i, int n) const;

  const ChannelProgram& program_;
  const ParameterStore& parameters_;
  const Batch& batch_;
  ChannelMemory memory_;
  const cpu::Kernels& kernels_;
  BlockRunner by_image_;   // for kernels that work lane by lane
  BlockRunner in_blocks_;  // for copies in the other layout
};

}  // namespace pycnn
