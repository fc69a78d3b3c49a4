#pragma once
// Runs a plan on the GPU, the whole batch at each instruction.

#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/memory.h"
#include "runtime/cuda/batch_runner.h"
#include "runtime/cuda/data.h"
#include "runtime/cuda/small_net.h"

namespace pycnn::cuda {

class CudaExecutor {
 public:
  // `outputs`: of the network, that have a loss.
  CudaExecutor(const Graph& graph, Plan plan, const DeviceWeights& weights, int outputs);

  // Makes room for batches of `count` images. Whether memory has moved: work that was captured
  // before is void then. MemoryError; OverflowError for a batch that kernels cannot count.
  bool prepare(std::int64_t count);
  // Where the following work finds its data.
  void set_sources(const Sources& sources, const WorkStream& stream);
  // Puts the program on the stream, for the images that the step picks; `batch` gives the types of
  // the data and the arrays for results.
  void enqueue(const Batch& batch, int count, Precision precision, Step* step,
               const WorkStream& stream) const;

  // Of the last batch: [outputs][count].
  const float* losses() const { return losses_.as<float>(); }
  const std::int32_t* ranks() const { return ranks_.as<std::int32_t>(); }

  const Plan& plan() const { return plan_; }
  // The kernels that do the step in place of the program; null: the program does.
  const SmallNet* small_net() const { return small_net_.get(); }
  // Whether all of it is done by the device: only then it can be captured.
  bool has_host_layers() const { return has_host_layers_; }

 private:
  const Graph& graph_;
  Plan plan_;
  const DeviceWeights& weights_;
  int outputs_;
  bool has_host_layers_ = false;
  bool moves_statistics_ = false;  // a batch normalization in training
  std::int64_t blocks_ = 0;
  std::unique_ptr<SmallNet> small_net_;
  DeviceMemory arena_, scratch_, losses_, ranks_, sources_;
};

}  // namespace pycnn::cuda
