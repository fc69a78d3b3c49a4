#include "cuda/cuda.h"
#include "cuda/probe.h"

namespace pycnn::cuda {
namespace {

// One kernel speaks for all: they are compiled for the same GPUs.
__global__ void probe_kernel() {}

}  // namespace

int compiled_capability() {
  cudaFuncAttributes attributes{};
  if (cudaFuncGetAttributes(&attributes, probe_kernel) == cudaSuccess) return attributes.ptxVersion;
  cudaGetLastError();
  return 0;
}

}  // namespace pycnn::cuda
