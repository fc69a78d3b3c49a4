#pragma once

// As much of CUDA C++ and of its runtime as pycnn's kernels use, on the host and without a GPU: a
// layer for tests. Not emulated: the memory model, timing, blocks that wait for one another.

#include "device_functions.h"
#include "runtime_api.h"
#include "vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))

// One variable for all blocks, since they run one after another; in a section of its own, which is
// poisoned before each. GCC's ASan watches its bounds there, Clang's does not.
#ifdef __clang__
#define __shared__ static __attribute__((section("pycnn_shared")))
#else
#define __shared__ static __attribute__((noinit))
#endif

#define PYCNN_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::pycnn::emulator::dynamic_shared())
