#include "runtime/backend.h"

#include "core/environment.h"
#include "runtime/backend_cpu.h"
#include "runtime/backend_cuda.h"

namespace pycnn {

bool fusion_wanted() { return environment_switch("PYCNN_FUSE"); }

std::unique_ptr<Backend> make_backend(Device device, const Graph& graph,
                                      const std::vector<ValueId>& outputs, std::uint64_t seed) {
  if (device == Device::cuda) return make_cuda_backend(graph, outputs, seed);
  return std::make_unique<CpuBackend>(graph, outputs, seed);
}

}  // namespace pycnn
