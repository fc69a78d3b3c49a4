#pragma once
// What is known of a plan that has the channels in the lanes before it is run: how each of its
// instructions is dealt out, and the memory that kernels want beside the arena.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/plan.h"
#include "ops/cpu/kernels.h"

namespace pycnn {

// How an instruction is run.
enum class Deal : std::uint8_t {
  images,  // each thread by itself on its share of the images
  team,    // the kernel deals the work out
  blocks,  // on copies in blocks of 16 images, by the kernels of the other layout
  leader   // by one thread: the executor's
};

class ChannelProgram {
 public:
  explicit ChannelProgram(const Plan& plan);

  // Chooses the deals for a batch of so many images. Whether they are others than before.
  bool choose_deals(std::int64_t images);

  const Plan& plan() const { return plan_; }
  Deal deal(std::size_t instruction) const { return deals_[instruction]; }
  // Whether a thread may begin the instruction before the others are done with the one before it.
  bool follows_at_once(std::size_t instruction) const;
  // Whether a thread goes through its images from the last to the first, since the instruction
  // before has ended with the last: what that one left in the caches is used first.
  bool backwards(std::size_t instruction) const { return backwards_[instruction]; }
  // The plan's buffers as blocks of 16 images, of the instructions that are run so.
  const Plan& blocks() const { return blocks_; }
  // Floats that kernels want beside the arena for so many images, all threads together.
  std::int64_t scratch(const cpu::Kernels& kernels, std::int64_t images) const;
  // Of each thread's workspace: what a kernel may use, then the memory for one image or block.
  std::size_t thread_bytes(const cpu::Kernels& kernels) const;

 private:
  void choose_directions();

  const Plan& plan_;
  Plan blocks_;
  std::vector<Deal> deals_;
  std::vector<bool> small_weights_;  // by instruction: may be dealt out image by image as well
  std::vector<bool> backwards_;      // by instruction
  bool many_images_ = false;
};

}  // namespace pycnn
