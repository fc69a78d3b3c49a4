#pragma once

// The CUDA language and runtime: the toolkit's or, with PYCNN_CUDA_EMULATED, the ones of
// tests/cuda_emulator, which run the same kernels on the host.

#ifdef PYCNN_CUDA_EMULATED

#include "cuda_emulator.h"

#else

#include <cuda_runtime.h>

// Declares `name`, a pointer to the block's dynamic shared memory as an array of `type`.
#define PYCNN_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char pycnn_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(pycnn_dynamic_shared)

#endif
