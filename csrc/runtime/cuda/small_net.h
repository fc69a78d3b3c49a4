#pragma once
// The training step of a small network by the kernels of ops/cuda/small_net.h, where the network is
// of their form and fits a block's shared memory. The same numbers as the plan gives up to
// rounding, always in float32.

#include <memory>
#include <string>

#include "cuda/memory.h"
#include "cuda/stream.h"
#include "graph/plan.h"
#include "ops/cuda/small_net.h"
#include "runtime/cuda/weights.h"

namespace pycnn::cuda {

// Unless PYCNN_CUDA_SMALL_NET=0 or PYCNN_FUSE=0 is in the environment.
bool small_nets_wanted();

class SmallNet {
 public:
  // Of a training plan; null where it is not one, or too big for this device.
  static std::unique_ptr<SmallNet> make(const Plan& plan, const Graph& graph,
                                        const DeviceWeights& weights);

  // Makes room for batches of `count` images. Whether memory has moved. MemoryError.
  bool prepare(std::int64_t count);

  // What a step works on.
  struct Data {
    Rows images, labels;
    float* losses;
    std::int32_t* ranks;
  };
  // Losses, ranks and the gradient of all weights, of the images that the step picks.
  void enqueue(const Data& data, int count, Step* step, const WorkStream& stream) const;

  std::string report() const;

 private:
  SmallNet(const small_net::Net& net, float loss_weight, std::size_t limit)
      : net_(net), loss_weight_(loss_weight), limit_(limit) {}

  small_net::Net net_;  // without a batch
  float loss_weight_;
  std::size_t limit_;  // of a block's shared memory, bytes
  DeviceMemory saved_, parts_;
};

}  // namespace pycnn::cuda
