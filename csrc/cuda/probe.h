#pragma once

namespace pycnn::cuda {

// For which GPUs the code was compiled that this build has for the current one: compute capability
// times ten, 90 for 9.0; at most the GPU's own. 0 where the build has no code for it.
int compiled_capability();

}  // namespace pycnn::cuda
