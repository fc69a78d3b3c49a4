// In place of backend_cuda.cpp where CUDA is not built.

#include "core/error.h"
#include "runtime/backend_cuda.h"

namespace pycnn {

std::unique_ptr<Backend> make_cuda_backend(const Graph&, const std::vector<ValueId>&,
                                           std::uint64_t) {
  throw DeviceError(
      "device 'cuda': this build of pycnn has no CUDA backend; build it where nvcc is found "
      "(see docs/cuda.md)");
}

}  // namespace pycnn
