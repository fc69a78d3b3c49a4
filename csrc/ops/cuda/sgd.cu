#include "ops/cuda/sgd.cuh"

namespace pycnn::cuda {

void sgd_update(const SgdOptions& options, const Update& update, Stream stream) {
  update_all(rule(options), update, stream);
}

}  // namespace pycnn::cuda
