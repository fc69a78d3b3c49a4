#pragma once

#include <cstddef>
#include <utility>

#include "cuda/cuda.h"

namespace pycnn::cuda {

// How many blocks, of how many threads, each with how much dynamic shared memory.
struct Grid {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
};

// All kernels are launched here. Arguments are converted to the kernel's parameters by value.
template <class... Parameters, class... Arguments>
[[nodiscard]] cudaError_t launch(void (*kernel)(Parameters...), const Grid& grid,
                                 cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid.grid;
  config.blockDim = grid.block;
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

}  // namespace pycnn::cuda
