#include "ops/cuda/adam.cuh"

namespace pycnn::cuda {

void adam_update(const AdamOptions& options, const Update& update, Stream stream) {
  update_all(rule(options), update, stream);
}

}  // namespace pycnn::cuda
