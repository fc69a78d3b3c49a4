#pragma once
// A GPU's context is its process's own. In a child that a fork made of a process with one, CUDA's
// calls fail or hang, and memory, streams and captured work are the parent's.

namespace pycnn::cuda {

// That this process has, or may have, a context from now on.
void note_use() noexcept;

// Whether a parent had one when it made this process.
bool lost_by_fork() noexcept;

// Throws DeviceError where that is so.
void refuse_after_fork();

}  // namespace pycnn::cuda
