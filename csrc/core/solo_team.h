#pragma once
// A thread that works alone.

#include "core/team.h"

namespace pycnn {

class SoloTeam final : public Team {
 public:
  explicit SoloTeam(std::byte* workspace) : workspace_(workspace) {}
  int index() const noexcept override { return 0; }
  int size() const noexcept override { return 1; }
  void barrier() noexcept override {}
  std::byte* workspace() noexcept override { return workspace_; }

 private:
  std::byte* workspace_;
};

}  // namespace pycnn
