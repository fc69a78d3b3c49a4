#pragma once
// Memory that each thread of a job has for itself. It belongs to whoever starts the jobs, who knows
// how much it must be and when it is of no more use; how many threads there are, the pool knows.

#include <cstddef>
#include <vector>

#include "core/arena.h"

namespace pycnn {

class Workspaces {
 public:
  explicit Workspaces(std::size_t bytes = 0) : bytes_(bytes) {}

  // Of each, from the next job on.
  void set_bytes(std::size_t bytes) { bytes_ = bytes; }
  // Makes what is missing or too small for so many threads; throws MemoryError.
  void prepare(int threads) {
    const auto count = static_cast<std::size_t>(threads);
    if (memory_.size() < count) memory_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (memory_[i].size() >= bytes_ && memory_[i].data() != nullptr) continue;
      memory_[i] = Arena();  // the old one goes before the new one comes
      memory_[i] = Arena(bytes_);
    }
  }
  std::byte* of(int thread) { return memory_[static_cast<std::size_t>(thread)].data(); }

 private:
  std::size_t bytes_;
  std::vector<Arena> memory_;
};

}  // namespace pycnn
