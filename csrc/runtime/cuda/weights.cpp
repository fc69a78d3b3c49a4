#include "runtime/cuda/weights.h"

namespace pycnn::cuda {
namespace {

std::size_t bytes(std::int64_t floats) { return static_cast<std::size_t>(floats) * sizeof(float); }

}  // namespace

DeviceWeights::DeviceWeights(const Graph& graph, std::uint64_t seed)
    : ParameterLayout(graph),
      values_(bytes(flat_size())),
      gradient_(bytes(flat_size())),
      moved_(bytes(moving_size())) {
  const ParameterStore initial(graph, seed);
  upload(flat(), initial.flat(), bytes(flat_size()), "copying the initial weights");
  // The gaps between parameters stay zero.
  clear(flat_gradient(), bytes(flat_size()), "clearing the gradient");
}

}  // namespace pycnn::cuda
