#pragma once
// What this build and this machine can do with GPUs.

#include <cstddef>
#include <cstdint>
#include <string>

namespace pycnn::cuda {

bool is_built();
// Whether there is a GPU that this build and this process can use. Never throws.
bool is_available();
// Whether the kernels run on tests/cuda_emulator.
bool is_emulated();
// Throws DeviceError, saying what is missing, unless is_available().
void require();
// "NVIDIA H200"; throws like require.
std::string device_name();
// Kernels that this process has launched. What is captured counts once, however often it runs.
std::int64_t launches();
// Bytes of the GPU's memory that nobody uses, and of all of it; throws like require.
struct MemoryInfo {
  std::size_t free = 0, total = 0;
};
MemoryInfo memory_info();

}  // namespace pycnn::cuda
