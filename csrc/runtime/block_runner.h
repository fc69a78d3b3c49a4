#pragma once
// Runs the instructions of a plan for one block of 16 images with the CPU kernels.

#include <array>
#include <cstddef>
#include <cstdint>

#include "graph/plan.h"
#include "ops/cpu/kernels.h"
#include "runtime/batch.h"
#include "runtime/parameter_store.h"

namespace pycnn {

// One block on its way through the program.
struct Block {
  std::int64_t first;  // position of its first image in the batch
  int count;           // images, 1 to 16
  std::byte* arena;
  std::byte* kept;             // rows of its first image
  std::size_t kept_stride;     // bytes from one image's rows to the next
  float* gradients;            // flat partial sum that it adds to
  bool accumulate;             // false for the first block of a partial sum
  float* loss;                 // [16] of the first output
  std::int32_t* rank;          // [16] of the first output
  std::int64_t output_stride;  // of loss and rank, from output to output
};

class BlockRunner {
 public:
  // The numbers of a buffer that holds two per channel: the first and the second of each.
  struct Pairs {
    float* first;
    float* second;
  };

  // The kernels are chosen once for a run: what they want of memory depends on them.
  BlockRunner(const cpu::Kernels& kernels, const Plan& plan, const ParameterStore& parameters,
              const Batch& batch);

  void run(const Instruction& instruction, const Block& block) const;
  // Without looking at halos: most work lane by lane, on either layout.
  void run(const ActivationForward& i, const Block& b) const;
  void run(const ActivationBackward& i, const Block& b) const;
  // Of the buffers that the instruction writes: their memory belonged to others in between.
  void clear_halos(const Instruction& instruction, const Block& block) const;

  // Between a buffer of the block and rows of NHWC images: `images` points at the rows of the
  // block's first image.
  void load(const Block& block, BufferId to, const float* images) const;
  void save(const Block& block, BufferId from, float* images) const;

  Pairs pairs(const Block& block, BufferId id) const;
  // What an instruction of batch normalization does to each number of a block.
  template <typename BatchNorm>
  cpu::Normalization normalization(const BatchNorm& i, const Block& b) const {
    const Pairs s = pairs(b, i.statistics);
    return {s.first, s.second, weight(i.gamma), weight(i.beta), i.relu};
  }

  const cpu::Kernels& kernels() const { return kernels_; }

  // Whether the images' values in a float buffer are all finite.
  bool is_finite(const Block& block, BufferId id) const;

 private:
  cpu::View view(const Block& block, BufferId id) const;
  cpu::ConstView const_view(const Block& block, BufferId id) const;
  float* floats(const Block& block, BufferId id) const { return view(block, id).data; }
  std::uint8_t* bytes(const Block& block, BufferId id) const;
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }
  const float* weight(ParameterId id) const { return id < 0 ? nullptr : parameters_.at(id); }
  float* gradient(const Block& block, ParameterId id) const;
  void clear_halo(const Block& block, BufferId id) const;
  // What an augmentation does to each image of the block.
  using AugmentMaps = std::array<AugmentMap, cpu::kLanes>;
  template <typename Augment>
  AugmentMaps augment_maps(const Augment& i, const Block& b) const;

  void run(const GatherRows& i, const Block& b) const;
  void run(const AugmentGather& i, const Block& b) const;
  void run(const ScatterRows& i, const Block& b) const;
  void run(const Conv2dForward& i, const Block& b) const;
  void run(const Conv2dPoolForward& i, const Block& b) const;
  void run(const Conv2dPoolBackward& i, const Block& b) const;
  void run(const Conv2dPoolBackwardInput& i, const Block& b) const;
  void run(const Conv2dPoolBackwardParams& i, const Block& b) const;
  void run(const Conv2dBackwardInput& i, const Block& b) const;
  void run(const Conv2dBackwardParams& i, const Block& b) const;
  void run(const DepthwiseConv2dForward& i, const Block& b) const;
  void run(const DepthwiseConv2dBackwardInput& i, const Block& b) const;
  void run(const DepthwiseConv2dBackwardParams& i, const Block& b) const;
  void run(const MaxPool2dForward& i, const Block& b) const;
  void run(const MaxPool2dBackward& i, const Block& b) const;
  void run(const AvgPool2dForward& i, const Block& b) const;
  void run(const AvgPool2dBackward& i, const Block& b) const;
  void run(const DenseForward& i, const Block& b) const;
  void run(const DenseBackwardInput& i, const Block& b) const;
  void run(const Add& i, const Block& b) const;
  void run(const ConcatForward& i, const Block& b) const;
  void run(const ConcatBackward& i, const Block& b) const;
  void run(const BatchNormStatistics& i, const Block& b) const;
  void run(const BatchNormForward& i, const Block& b) const;
  void run(const BatchNormMoving& i, const Block& b) const;
  void run(const BatchNormBackwardSums& i, const Block& b) const;
  void run(const BatchNormBackwardInput& i, const Block& b) const;
  void run(const GlobalAvgPool2dForward& i, const Block& b) const;
  void run(const GlobalAvgPool2dBackward& i, const Block& b) const;
  void run(const GlobalMaxPool2dForward& i, const Block& b) const;
  void run(const GlobalMaxPool2dBackward& i, const Block& b) const;
  void run(const ZeroPad2dForward& i, const Block& b) const;
  void run(const ZeroPad2dBackward& i, const Block& b) const;
  void run(const Permute& i, const Block& b) const;
  void run(const LocalResponseNormForward& i, const Block& b) const;
  void run(const LocalResponseNormBackward& i, const Block& b) const;
  void run(const DropoutForward& i, const Block& b) const;
  void run(const DropoutBackward& i, const Block& b) const;
  void run(const AugmentForward& i, const Block& b) const;
  void run(const AugmentBackward& i, const Block& b) const;
  void run(const Rescale& i, const Block& b) const;
  void run(const LossStep& i, const Block& b) const;
  void run(const KeepRows& i, const Block& b) const;
  void run(const Repack&, const Block&) const {}  // ChannelRunner's
  // The executor's: they need all blocks.
  void run(const DenseBackwardParams&, const Block&) const {}
  void run(const BatchNormCombine&, const Block&) const {}
  void run(const BatchNormBackwardCombine&, const Block&) const {}
  void run(const HostForward&, const Block&) const {}
  void run(const HostBackward&, const Block&) const {}

  const Plan& plan_;
  const ParameterStore& parameters_;
  const Batch& batch_;
  const cpu::Kernels& kernels_;
};

// Outside training: the moving mean, and the inverse deviation by the moving variance.
void set_moving_statistics(const BatchNormMoving& i, const float* mean, const float* variance,
                           const BlockRunner::Pairs& statistics);

}  // namespace pycnn
