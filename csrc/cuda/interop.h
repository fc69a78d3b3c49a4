#pragma once
// Memory and streams that other libraries share with pycnn.

#include <cstddef>

namespace pycnn::cuda {

// The number of the GPU that pycnn uses; throws like require.
int device_number();

// Throws ValueError unless these bytes are memory that kernels on this GPU can use.
void check_shared_memory(const void* data, std::size_t bytes);

// Wait until what other libraries have queued is done: on the default stream, where most of them
// work, or on any stream. Throw DeviceError for what went wrong in it.
void wait_for_default_stream();
void wait_for_all_streams();

}  // namespace pycnn::cuda
