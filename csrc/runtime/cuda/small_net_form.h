#pragma once
// Which plans are small nets.

#include <optional>

#include "graph/plan.h"
#include "ops/cuda/small_net.h"
#include "runtime/cuda/weights.h"

namespace pycnn::cuda {

struct SmallForm {
  small_net::Net net;  // layers and weights; no memory, no batch
  float loss_weight;
};

// The layers of a training plan of the form in ops/cuda/small_net.h, all of whose weights are its
// own and trained; nothing for any other plan.
std::optional<SmallForm> small_form(const Plan& plan, const Graph& graph,
                                    const DeviceWeights& weights);

// Gives everything its place in a block's shared memory of `limit` bytes, for batches of `count`;
// false where there is no room.
bool lay_out(small_net::Net& net, std::int64_t count, std::size_t limit);

}  // namespace pycnn::cuda
