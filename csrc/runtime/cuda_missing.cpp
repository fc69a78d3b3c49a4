// In place of cuda/ and runtime/cuda/ where CUDA is not built.

#include "core/device_memory.h"
#include "core/error.h"
#include "cuda/device.h"
#include "cuda/interop.h"
#include "cuda/timer.h"
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

int device_number() {
  require();
  return 0;
}

void check_shared_memory(const void*, std::size_t) { require(); }
void wait_for_default_stream() { require(); }
void wait_for_all_streams() { require(); }

MemoryInfo memory_info() {
  require();
  return {};
}

std::function<double()> start_timer() {
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

std::shared_ptr<void> allocate_on_gpu(std::size_t) {
  cuda::require();
  return nullptr;
}

void copy_memory(void*, Device, const void*, Device, std::size_t) { cuda::require(); }

std::unique_ptr<Backend> make_cuda_backend(const Graph&, const std::vector<ValueId>&,
                                           std::uint64_t) {
  cuda::require();
  return nullptr;
}

}  // namespace pycnn
