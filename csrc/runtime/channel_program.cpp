#include "runtime/channel_program.h"

#include <algorithm>
#include <variant>

#include "core/overloaded.h"

namespace pycnn {

namespace {

// Kernels that work lane by lane do so on channels as well; those that look across the channels or
// count images are told here.
Deal deal_of(const Operation& operation) {
  return std::visit(Overloaded{
                        [](const Conv2dForward&) { return Deal::team; },
                        [](const Conv2dPoolForward&) { return Deal::team; },
                        [](const Conv2dBackwardInput&) { return Deal::team; },
                        [](const Conv2dBackwardParams&) { return Deal::team; },
                        [](const Conv2dPoolBackwardInput&) { return Deal::team; },
                        [](const Conv2dPoolBackwardParams&) { return Deal::team; },
                        [](const DenseForward&) { return Deal::team; },
                        [](const DenseBackwardInput&) { return Deal::team; },
                        [](const DenseBackwardParams&) { return Deal::team; },
                        [](const BatchNormCombine&) { return Deal::leader; },
                        [](const BatchNormBackwardCombine&) { return Deal::leader; },
                        [](const BatchNormMoving&) { return Deal::leader; },
                        [](const Permute&) { return Deal::blocks; },
                        [](const LocalResponseNormForward&) { return Deal::blocks; },
                        [](const LocalResponseNormBackward&) { return Deal::blocks; },
                        [](const DropoutForward&) { return Deal::blocks; },
                        [](const AugmentGather&) { return Deal::blocks; },
                        [](const AugmentForward&) { return Deal::blocks; },
                        [](const AugmentBackward&) { return Deal::blocks; },
                        [](const LossStep&) { return Deal::blocks; },
                        [](const auto&) { return Deal::images; },
                    },
                    operation);
}

// Where the weights are fewer than the numbers of an image, one image after the other may have
// them: it is in the cache already, and for the instruction after this one.
bool has_small_weights(const Operation& operation) {
  const auto small = [](const Conv2dGeometry& g) {
    const auto size = [](int height, int width, int channels) {
      return std::int64_t{height} * width * channels;
    };
    return size(g.kernel_height, g.kernel_width, g.in_channels) * g.out_channels <=
           size(g.in_height, g.in_width, g.in_channels) +
               size(g.out_height, g.out_width, g.out_channels);
  };
  return std::visit(Overloaded{
                        [&](const Conv2dForward& i) { return small(i.g); },
                        [&](const Conv2dPoolForward& i) { return small(i.g); },
                        [&](const Conv2dBackwardInput& i) { return small(i.g); },
                        [](const auto&) { return false; },
                    },
                    operation);
}

// Gives the operands of an instruction places in a block's arena, where they have none.
void place(const std::vector<BufferId>& operands, std::vector<bool>& placed, Plan& blocks) {
  for (BufferId id : operands) {
    const auto at = static_cast<std::size_t>(id);
    if (placed[at]) continue;
    placed[at] = true;
    blocks.buffers[at].offset = blocks.arena_bytes;
    blocks.arena_bytes += blocks.buffers[at].bytes();
  }
}

}  // namespace

ChannelProgram::ChannelProgram(const Plan& plan) : plan_(plan) {
  blocks_.kind = plan.kind;
  blocks_.buffers = plan.buffers;
  for (Buffer& b : blocks_.buffers) {
    b.lanes = Lanes::images;
    b.filled_up = true;
  }
  std::vector<bool> placed(plan.buffers.size());
  for (const Instruction& i : plan.program) {
    deals_.push_back(deal_of(i.operation));
    small_weights_.push_back(has_small_weights(i.operation));
    if (deals_.back() != Deal::blocks) continue;
    place(i.reads, placed, blocks_);
    place(i.writes, placed, blocks_);
  }
  choose_directions();
}

bool ChannelProgram::choose_deals(std::int64_t images) {
  // Enough for many threads; their number itself must not count, since it is to change no bits.
  constexpr std::int64_t kManyImages = 16;
  const bool many = images >= kManyImages;
  if (many == many_images_) return false;
  many_images_ = many;
  for (std::size_t i = 0; i < deals_.size(); ++i) {
    if (small_weights_[i]) deals_[i] = many ? Deal::images : Deal::team;
  }
  choose_directions();
  return true;
}

void ChannelProgram::choose_directions() {
  backwards_.assign(deals_.size(), false);
  bool last = true;  // of what has run last, a leader aside; so the first goes forwards
  for (std::size_t i = 0; i < deals_.size(); ++i) {
    if (deals_[i] == Deal::leader) continue;
    if (!follows_at_once(i)) last = deals_[i] == Deal::images && !last;
    backwards_[i] = last;
  }
}

std::size_t ChannelProgram::thread_bytes(const cpu::Kernels& kernels) const {
  std::int64_t floats = 0;
  for (std::size_t i = 0; i < deals_.size(); ++i) {
    const auto* input = std::get_if<Conv2dBackwardInput>(&plan_.program[i].operation);
    if (!small_weights_[i] || input == nullptr) continue;
    floats = std::max(floats, kernels.conv2d_channels->backward_input_scratch(input->g, 1));
  }
  return cpu::kWorkspaceBytes +
         std::max(blocks_.arena_bytes, static_cast<std::size_t>(floats) * sizeof(float));
}

bool ChannelProgram::follows_at_once(std::size_t instruction) const {
  return instruction > 0 && deals_[instruction] == Deal::images &&
         deals_[instruction - 1] == Deal::images;
}

std::int64_t ChannelProgram::scratch(const cpu::Kernels& kernels, std::int64_t count) const {
  const cpu::Conv2dChannelKernels& conv2d = *kernels.conv2d_channels;
  const cpu::DenseChannelKernels& dense = *kernels.dense_channels;
  const int images = static_cast<int>(count);
  std::int64_t most = 0;
  for (const Instruction& instruction : plan_.program) {
    const std::int64_t floats =
        std::visit(Overloaded{
                       [&](const Conv2dBackwardInput& i) {
                         return conv2d.backward_input_scratch(i.g, images);
                       },
                       [&](const Conv2dBackwardParams& i) {
                         return conv2d.backward_params_scratch(i.g, images);
                       },
                       [&](const Conv2dPoolBackwardInput& i) {
                         return conv2d.pool_backward_input_scratch(i.g, images);
                       },
                       [&](const Conv2dPoolBackwardParams& i) {
                         return conv2d.pool_backward_params_scratch(i.g, images);
                       },
                       [&](const DenseForward& i) { return dense.forward_scratch(i.g, images); },
                       [](const auto&) { return std::int64_t{0}; },
                   },
                   instruction.operation);
    most = std::max(most, floats);
  }
  return most;
}

}  // namespace pycnn
