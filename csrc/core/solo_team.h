#pragma once
// A thread that works alone.

#include "core/team.h"

namespace pycnn {

class SoloTeam final : public Team {
 public:
  int index() const noexcept override { return 0; }
  int size() const noexcept override { return 1; }
  void barrier() noexcept override {}
};

}  // namespace pycnn
