#pragma once

// Before a function that runs on the host and in CUDA kernels alike.
#ifdef __CUDACC__
#define PYCNN_HOST_DEVICE __host__ __device__
#else
#define PYCNN_HOST_DEVICE
#endif
