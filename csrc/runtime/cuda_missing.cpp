// In place of cuda/ and runtime/cuda/ where CUDA is not built.

#include "core/error.h"
#include "cuda/device.h"
#include "runtime/backend_cuda.h"
#include "runtime/eager.h"

namespace pycnn {
namespace cuda {

bool is_built() { return false; }
bool is_available() { return false; }
bool is_emulated() { return false; }
std::int64_t launches() { return 0; }

void require() {
  throw DeviceError(
      "device 'cuda': this build of pycnn has no CUDA backend; it is built where CMake finds nvcc "
      "(docs/cuda.md)");
}

std::string device_name() {
  require();
  return {};
}

LossResult compute_loss(LossKind, const Tensor&, const Tensor&) {
  require();
  return {};
}

UpdateResult update_parameter(const UpdateRule&, const Tensor&, const Tensor&, const Tensor&, float,
                              std::int64_t) {
  require();
  return {};
}

}  // namespace cuda

std::unique_ptr<Backend> make_cuda_backend(const Graph&, const std::vector<ValueId>&,
                                           std::uint64_t) {
  cuda::require();
  return nullptr;
}

}  // namespace pycnn
