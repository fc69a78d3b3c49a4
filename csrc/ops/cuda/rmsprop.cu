#include "ops/cuda/rmsprop.cuh"

namespace pycnn::cuda {

void rmsprop_update(const RmspropOptions& options, const Update& update, Stream stream) {
  update_all(rule(options), update, stream);
}

}  // namespace pycnn::cuda
