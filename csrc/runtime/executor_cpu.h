#pragma once
// Runs a plan on the CPU: blocks of 16 images in parallel, each through the whole program while it
// is warm in the cache; or, with the channels in the lanes, instruction by instruction, all threads
// at each. One fork and join per step; the same bits for any number of threads.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/thread_pool.h"
#include "runtime/block_runner.h"
#include "runtime/channel_runner.h"
#include "runtime/optimizer.h"

namespace pycnn {

class CpuExecutor {
 public:
  // With timing every instruction goes through all blocks before the next one begins.
  enum class Timing : bool { off, on };
  CpuExecutor(const Graph& graph, Plan plan, ParameterStore& parameters,
              Timing timing = Timing::off);
  CpuExecutor(const CpuExecutor&) = delete;  // its parts refer to each other
  CpuExecutor& operator=(const CpuExecutor&) = delete;

  // Runs the program for the batch, then a step of the optimizer (which has begun, or is null)
  // unless a loss, penalty or gradient is not finite. What a host layer or an interrupt throws
  // comes out here, nothing updated.
  void run(const Batch& batch, Optimizer* optimizer = nullptr);

  // Of the last run: loss and rank of every image, in batch order; and whether all, the
  // penalties and the gradients were finite.
  const float* losses(int output) const { return losses_.data() + output * output_stride(); }
  const std::int32_t* ranks(int output) const { return ranks_.data() + output * output_stride(); }
  bool finite() const { return finite_; }

  // With timing: how long each instruction of the last run took for all blocks, from the first
  // thread that began to the last that was done.
  std::vector<double> seconds() const;

  // Sum of the last run's partial gradients for one parameter.
  void copy_gradient(ParameterId id, float* out) const;

  // Where the first number of a step on this batch is that is not finite: for messages.
  std::string first_non_finite(const Batch& batch);

  const Plan& plan() const { return plan_; }

 private:
  // A run of instructions that blocks go through on their own, or that each thread goes through
  // with its images; or one that needs the whole batch, and that all threads share or a leader runs
  // while they wait, or the host program.
  enum class Runs { blocks, team, leader, host };
  struct Stage {
    std::size_t begin, end;
    Runs by;
  };
  // A moving statistic's new value, to be stored when the step succeeds.
  struct Moved {
    ParameterId id;
    std::vector<float> values;
  };
  // When a thread began its part of a stage, and when it was done.
  using Clock = std::chrono::steady_clock;
  struct Span {
    Clock::time_point begin, end;
  };
  struct Job;

  void prepare(const Batch& batch, const cpu::Kernels& kernels);
  void prepare_memory(const cpu::Kernels& kernels);
  void clear_gradients();
  void plan_stages();
  Runs runs(std::size_t instruction) const;
  bool joins_stage(std::size_t instruction) const;
  bool channels() const { return program_.has_value(); }
  Block block(std::int64_t index, int worker);
  ChannelMemory channel_memory();
  cpu::ConstChannelView kept_rows(BufferId id) const;
  // On all threads, or on this one when there is too little to do for more.
  void fork(const std::function<void(Team&)>& job);
  void run_stages(Job& job, std::size_t begin, std::size_t end, Team& team);
  void note_begin(std::size_t stage, int worker);
  void note_end(std::size_t stage, int worker);
  Span* span(std::size_t stage, int worker);  // null without timing
  void update(Job& job, Team& team, Optimizer& optimizer);
  void check_gradient(Job& job, std::int64_t slot, Share part);
  void run_blocks(Job& job, const Stage& stage, std::size_t stage_index, int worker);
  void run_block(Job& job, const Stage& stage, std::int64_t index, int worker);
  void run_team(Job& job, const Stage& stage, Team& team);
  // With the images in the lanes: on the rows that blocks have kept.
  void run_on_kept(const BlockRunner& runner, const Instruction& instruction, Team& team);
  // The instructions for all blocks at once, one overload each; run by one thread.
  void run_leader(const BlockRunner& runner, const Instruction& instruction);
  void lead(const BlockRunner& runner, const HostForward& i);
  void lead(const BlockRunner& runner, const HostBackward& i);
  void lead(const BlockRunner& runner, const BatchNormMoving& i);
  void lead(const BlockRunner& runner, const BatchNormCombine& i);
  void lead(const BlockRunner& runner, const BatchNormBackwardCombine& i);
  template <typename F>
  void give_blocks(const BlockRunner& runner, int channels, BufferId to, F set);
  float* first_partial(ParameterId id);
  const float* newest(ParameterId id) const;
  Tensor collect(const BlockRunner& runner, BufferId from, const Shape& image_shape);
  void distribute(const BlockRunner& runner, BufferId to, const Tensor& images);
  std::vector<Tensor> host_weights(const Node& node) const;
  std::string non_finite_weight() const;
  std::string non_finite_gradient() const;
  std::string non_finite_result(const BlockRunner& runner, const Instruction& i, std::int64_t first,
                                std::int64_t end);
  std::string non_finite_in_batch(const BlockRunner& runner, const Batch& batch,
                                  const Stage& stage);
  std::string non_finite_in_blocks(const BlockRunner& runner, const Stage& stage);
  Gradients gradients() const;
  std::int64_t output_stride() const {
    return (count_ + cpu::kLanes - 1) / cpu::kLanes * cpu::kLanes;
  }
  bool all_finite() const;

  const Graph& graph_;
  Plan plan_;
  ParameterStore& parameters_;
  std::optional<ChannelProgram> program_;  // with the channels in the lanes
  std::vector<Stage> stages_;
  std::size_t last_block_stage_ = 0;
  bool has_gradients_;
  std::int64_t multiply_adds_;  // of an image
  Timing timing_;
  std::size_t outputs_ = 0;  // that have a loss

  // Of the batch at hand.
  std::int64_t count_ = 0, blocks_ = 0;  // a block is an image where the channels are in the lanes
  int slots_ = 0;                        // partial sums in use
  bool finite_ = true;
  // One per worker, or one per block when blocks must meet; at the same distance from each other.
  Arena arenas_;
  std::int64_t arena_count_ = 0;
  std::size_t arena_stride_ = 0;
  Arena kept_;  // rows of each image
  std::size_t kept_stride_ = 0;
  Arena scratch_;          // of kernels that are dealt out
  Workspaces workspaces_;  // of kernels with channels in the lanes
  Arena gradients_;
  std::int64_t gradient_stride_ = 0;
  std::vector<bool> whole_;      // by parameter: its gradient is in the first partial sum alone
  std::vector<Share> in_parts_;  // the stretches of the others
  std::vector<Moved> moved_;
  std::vector<float> losses_;  // [outputs][output_stride]
  std::vector<std::int32_t> ranks_;
  std::vector<Span> spans_;  // with timing: by thread, then stage, each a single instruction
};

}  // namespace pycnn
