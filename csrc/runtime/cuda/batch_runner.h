#pragma once
// Runs the instructions of a plan for a whole batch with the CUDA kernels: puts them on a stream.

#include <cstdint>

#include "cuda/stream.h"
#include "graph/plan.h"
#include "ops/cuda/precision.h"
#include "ops/cuda/step.h"
#include "runtime/batch.h"
#include "runtime/cuda/weights.h"

namespace pycnn::cuda {

// The memory that a program works in.
struct Workspace {
  std::byte* arena;
  std::int64_t blocks;  // of 16 images that it has room for: offsets of the plan are times this
  float* scratch;
  Precision precision;  // of products
  float* losses;        // [outputs][count]
  std::int32_t* ranks;
  Step* step;
  // First rows of the batch's data, by input, target and output gradient, one list after another.
  const void* const* data;
};

class BatchRunner {
 public:
  // `batch` gives the types of the data and the arrays for results; it may be of other images than
  // those that the step picks on the device.
  BatchRunner(const Plan& plan, const Graph& graph, const DeviceWeights& weights,
              const Workspace& workspace, const Batch& batch, int count, Stream stream)
      : plan_(plan),
        graph_(graph),
        weights_(weights),
        work_(workspace),
        batch_(batch),
        count_(count),
        stream_(stream) {}

  void run(const Instruction& instruction);

 private:
  View view(BufferId id) const;
  ConstView const_view(BufferId id) const;
  float* floats(BufferId id) const { return view(id).data; }
  std::uint8_t* bytes(BufferId id) const;
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }
  const float* weight(ParameterId id) const { return weights_.at(id); }
  float* gradient(ParameterId id) const { return weights_.gradient(id); }
  Rows rows(pycnn::Stream stream, int index) const;
  ConstView shape(std::int64_t positions, int channels) const;
  Tensor download(BufferId from, const Shape& image_shape) const;
  void upload(BufferId to, const Tensor& images) const;
  std::vector<Tensor> host_weights(const Node& node) const;

  void run(const GatherRows& i);
  void run(const AugmentGather& i);
  void run(const ScatterRows& i);
  void run(const Conv2dForward& i);
  void run(const Conv2dPoolForward&) {}  // the CPU's
  void run(const Conv2dPoolBackward&) {}
  void run(const Conv2dPoolBackwardInput&) {}
  void run(const Conv2dPoolBackwardParams&) {}
  void run(const Conv2dBackwardInput& i);
  void run(const Conv2dBackwardParams& i);
  void run(const DepthwiseConv2dForward& i);
  void run(const DepthwiseConv2dBackwardInput& i);
  void run(const DepthwiseConv2dBackwardParams& i);
  void run(const MaxPool2dForward& i);
  void run(const MaxPool2dBackward& i);
  void run(const AvgPool2dForward& i);
  void run(const AvgPool2dBackward& i);
  void run(const DenseForward& i);
  void run(const DenseBackwardInput& i);
  void run(const DenseBackwardParams& i);
  void run(const ActivationForward& i);
  void run(const ActivationBackward& i);
  void run(const Add& i);
  void run(const ConcatForward& i);
  void run(const ConcatBackward& i);
  void run(const BatchNormStatistics& i);
  void run(const BatchNormCombine& i);
  void run(const BatchNormForward& i);
  void run(const BatchNormMoving& i);
  void run(const BatchNormBackwardSums& i);
  void run(const BatchNormBackwardCombine& i);
  void run(const BatchNormBackwardInput& i);
  void run(const GlobalAvgPool2dForward& i);
  void run(const GlobalAvgPool2dBackward& i);
  void run(const GlobalMaxPool2dForward& i);
  void run(const GlobalMaxPool2dBackward& i);
  void run(const ZeroPad2dForward& i);
  void run(const ZeroPad2dBackward& i);
  void run(const Permute& i);
  void run(const LocalResponseNormForward& i);
  void run(const LocalResponseNormBackward& i);
  void run(const DropoutForward& i);
  void run(const DropoutBackward& i);
  void run(const AugmentForward& i);
  void run(const AugmentBackward& i);
  void run(const Rescale& i);
  void run(const KeepRows&) {}  // in no plan for this device
  void run(const Repack&) {}
  void run(const LossStep& i);
  void run(const HostForward& i);
  void run(const HostBackward& i);

  const Plan& plan_;
  const Graph& graph_;
  const DeviceWeights& weights_;
  const Workspace& work_;
  const Batch& batch_;
  int count_;
  Stream stream_;
  bool accumulate_ = false;  // as in Instruction
};

// Floats of scratch memory that the plan's instructions need for batches of `count`.
std::int64_t scratch_floats(const Plan& plan, int count);

}  // namespace pycnn::cuda
