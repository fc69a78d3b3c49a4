#pragma once
// One aligned allocation that a plan's values share. The planner gives the offsets.

#include <cstddef>
#include <memory>

namespace pycnn {

inline constexpr std::size_t kAlignment = 64;

class Arena {
 public:
  Arena() = default;
  // Uninitialised memory, 64-byte aligned; throws MemoryError.
  explicit Arena(std::size_t bytes);

  std::byte* data() noexcept { return data_.get(); }
  const std::byte* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace pycnn
