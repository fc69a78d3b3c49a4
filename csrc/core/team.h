#pragma once
// How threads that run one job together see each other.

#include <cstddef>
#include <cstdint>

namespace pycnn {

// What one thread of a running job sees.
class Team {
 public:
  virtual ~Team() = default;
  virtual int index() const noexcept = 0;  // 0 is the calling thread
  virtual int size() const noexcept = 0;
  // Waits until every thread of the job has come here.
  virtual void barrier() noexcept = 0;
  // Memory of this thread alone, 64-byte aligned, null where the job was started without. The stack
  // is no place for more than a few pages: a caller's thread may have a small one.
  virtual std::byte* workspace() noexcept = 0;
};

// A run of the pieces that a job is cut into.
struct Share {
  std::int64_t begin, end;
};

// The pieces of this thread, when `pieces` are dealt out evenly and in order.
__attribute__((always_inline)) inline Share share(const Team& team, std::int64_t pieces) {
  const std::int64_t index = team.index(), size = team.size();
  return {pieces * index / size, pieces * (index + 1) / size};
}

}  // namespace pycnn
